package sshdoor

import "sync"

// How many sessions there may be. A console is drawn whenever something changes and remembers 20,000 lines, a command is short;
// a command that stops has room of its own, so that neither the others nor a person's own consoles keep a stop out.
const (
	mostConsoles = 16
	mostCommands = 32
	ownConsoles  = 4
	ownCommands  = 8
	ownStops     = 8
)

// kind is what a session wants.
type kind int

const (
	console kind = iota
	command
	stop
	kinds
)

// rooms counts who is inside.
type rooms struct {
	mu    sync.Mutex
	all   [kinds]int
	those map[string]*[kinds]int // by person; only who is inside
}

var (
	most = [kinds]int{console: mostConsoles, command: mostCommands, stop: 0} // 0: as many as there are people
	own  = [kinds]int{console: ownConsoles, command: ownCommands, stop: ownStops}
)

// enter takes a place, or says in a sentence why there is none.
func (r *rooms) enter(person string, k kind) (why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	mine := r.those[person]
	if mine == nil {
		mine = &[kinds]int{}
	}
	switch {
	case mine[k] >= own[k]:
		return "you have too many sessions open here; close one, or: stop"
	case most[k] > 0 && r.all[k] >= most[k]:
		return "too many sessions are open here; try again later, or: stop"
	}
	if r.those == nil {
		r.those = map[string]*[kinds]int{}
	}
	mine[k]++
	r.all[k]++
	r.those[person] = mine
	return ""
}

// leave gives the place back.
func (r *rooms) leave(person string, k kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	mine := r.those[person]
	mine[k]--
	r.all[k]--
	if *mine == [kinds]int{} {
		delete(r.those, person)
	}
}

// visits counts the sessions that are being served, for who waits for the last of them.
type visits struct {
	mu    sync.Mutex
	n     int
	empty chan struct{} // closed when the last has left; nil while new ones may come
}

// begin tells whether somebody may come in.
func (v *visits) begin() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.empty != nil {
		return false
	}
	v.n++
	return true
}

func (v *visits) over() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.n--; v.n == 0 && v.empty != nil {
		close(v.empty)
	}
}

// end lets nobody in any more. What it returns is closed when all have left.
func (v *visits) end() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.empty = make(chan struct{})
	if v.n == 0 {
		close(v.empty)
	}
	return v.empty
}
