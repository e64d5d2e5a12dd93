// Package contain keeps a panic inside the unit of work that it happened in.
//
// Job: make an error of a panic, so that the fault of one unit (the configuration of one object, one key of a
// queue, one call, one stream) ends no other. Inputs: a function. Outputs: its result, or a Panic. Ownership: no
// state. What the function held locked it must unlock in a defer.
package contain

import (
	"fmt"
	"runtime/debug"
)

// Panic is the error of a unit that panicked.
type Panic struct {
	Value any
	// Stack of the goroutine, as runtime/debug.Stack formats it.
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Call returns what f returns; the zero value and a *Panic when f panics.
func Call[V any](f func() (V, error)) (value V, err error) {
	defer func() {
		if p := recover(); p != nil {
			var none V
			value, err = none, &Panic{Value: p, Stack: debug.Stack()}
		}
	}()
	return f()
}

// Do runs f and returns a *Panic when it panics.
func Do(f func()) error {
	_, err := Call(func() (struct{}, error) { f(); return struct{}{}, nil })
	return err
}
