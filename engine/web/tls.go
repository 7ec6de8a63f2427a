package web

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

func (o Options) tls(pool *x509.CertPool) *tls.Config {
	c := &tls.Config{RootCAs: pool, ServerName: o.ServerName, MinVersion: tls.VersionTLS12}
	if o.CertFile != "" {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return o.certificate() }
	}
	return c
}

// papers is what is wrong with the certificate that says who we are.
func (o Options) papers() error {
	switch {
	case o.CertFile == "" && o.KeyFile == "":
		return nil
	case o.CertFile == "" || o.KeyFile == "":
		return errors.New("a client certificate needs both its file and that of its key")
	}
	_, err := o.certificate()
	return err
}

func (o Options) certificate() (*tls.Certificate, error) {
	key, err := os.Open(o.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("opening the key of the client certificate: %w", err)
	}
	defer key.Close()
	if err := private(key); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the client certificate %s with its key: %w", o.CertFile, err)
	}
	return &pair, nil
}
