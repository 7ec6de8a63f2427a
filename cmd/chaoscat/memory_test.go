package main

import "testing"

func TestTenThousandHostsAreMeantToFitIntoHalfAGibibyteAndMoreGetMore(t *testing.T) {
	if limit := memoryLimit(10_000, 10_000); limit > 512<<20 {
		t.Errorf("the limit for 10,000 hosts is %d MiB", limit>>20)
	}
	if memoryLimit(100_000, 500) <= memoryLimit(10_000, 500) || memoryLimit(10_000, 20_000) <= memoryLimit(10_000, 10_000) {
		t.Error("a larger fleet gets no more")
	}
}
