package regex

import (
	"errors"
	"fmt"
)

// Bounds of one expression, and of those of one object together.
const (
	// MaxBytes is the longest value that the Gateway API has for an expression.
	MaxBytes = 4096
	// MaxSize bounds the instructions of a program, hence the memory and the time of every proxy.
	MaxSize = 10_000
	// MaxTotal bounds the sizes of the expressions of one object.
	MaxTotal = 100_000

	// maxRepeat is RE2's limit for a repetition, and for the product of nested ones.
	maxRepeat = 1000
	// maxDepth bounds the parser's stack, and that of RE2.
	maxDepth = 100
	// maxNames bounds the work for names, which no configuration of the product refers to.
	maxNames = 50
	// frame is what every program has: a search in front, its end, and what the expression
	// captures as a whole.
	frame = 16
)

// ErrTogether says that an object has too many expressions.
var ErrTogether = fmt.Errorf("with the ones before it, it makes more than %d instructions", MaxTotal)

var (
	errOpen      = errors.New("a group does not end")
	errOpenClass = errors.New("a list of characters does not end")

	errEmpty = errors.New("it is empty")
	errLong  = fmt.Errorf("it is longer than %d bytes", MaxBytes)
	errLarge = fmt.Errorf("its repetitions make more than %d instructions of it", MaxSize)
	errDeep  = fmt.Errorf("its groups are nested more than %d deep", maxDepth)
)

// Size returns the number of instructions of the program that Envoy compiles, or a few more. An
// error says why Envoy would refuse the expression, or why it is not passed on. The time is
// proportional to the length of the text that is read before the answer is known.
func Size(text string) (int, error) {
	size, _, err := measure(text)
	return size, err
}

// measure is Size that tells how much of the text was read.
func measure(text string) (size, read int, err error) {
	switch {
	case text == "":
		return 0, 0, errEmpty
	case len(text) > MaxBytes:
		return 0, 0, errLong
	}
	p := parser{text: text}
	whole, err := p.alternation()
	if err == nil && p.more() {
		err = errors.New("a group ends that did not begin")
	}
	return whole.size + frame, p.at, err
}

// Budget bounds the expressions of one object. The zero value is a full one.
type Budget struct{ used int }

// Take returns an error when Envoy refuses the expression, and ErrTogether when it and those that
// were taken before are too much.
func (b *Budget) Take(text string) error {
	if b.used >= MaxTotal {
		return ErrTogether
	}
	size, read, err := measure(text)
	if err != nil {
		b.used += read
		return err
	}
	// The length counts, too: a text like [aaaa...] has few instructions and takes time to read.
	if b.used += max(size, read); b.used > MaxTotal {
		return ErrTogether
	}
	return nil
}
