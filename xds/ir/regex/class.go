package regex

import (
	"errors"
	"fmt"
	"strings"
)

// perlClasses are the ranges of bytes of the classes that a letter names; the capital ones have
// those that the others leave out.
var perlClasses = map[byte]int{'d': 1, 'D': 2, 's': 3, 'S': 4, 'w': 4, 'W': 5}

// posixClasses are the same for [:name:].
var posixClasses = map[string]int{
	"alnum": 3, "alpha": 2, "ascii": 1, "blank": 2, "cntrl": 2, "digit": 1, "graph": 1, "lower": 1, "print": 1,
	"punct": 4, "space": 2, "upper": 1, "word": 4, "xdigit": 3,
}

// maxRanges is every other byte.
const maxRanges = 128

// class reads a list of characters, whose bracket has been read.
func (p *parser) class() (node, error) {
	negated := p.take("^")
	total := 0
	for first := true; ; first = false {
		if !p.more() {
			return node{}, errOpenClass
		}
		if !first && p.take("]") {
			break
		}
		n, err := p.item()
		if err != nil {
			return node{}, err
		}
		total += n
	}
	if p.fold {
		total *= 4 // a range has another one in the other case, and may fall apart
	}
	if negated {
		total++
	}
	return ranges(min(total, maxRanges)), nil
}

// item reads one item of a class and returns its number of ranges.
func (p *parser) item() (int, error) {
	if p.peek("[:") {
		return p.posix()
	}
	if p.peek(`\`) && p.at+1 < len(p.text) {
		if n, ok := perlClasses[p.text[p.at+1]]; ok {
			p.at += 2
			return n, nil
		}
	}
	low, err := p.member()
	if err != nil {
		return 0, err
	}
	if !p.peek("-") || p.peek("-]") || p.at+1 == len(p.text) {
		return 1, nil
	}
	p.at++
	high, err := p.member()
	if err != nil {
		return 0, err
	}
	if high < low {
		return 0, errors.New("a range of characters ends before it begins")
	}
	return 1, nil
}

func (p *parser) posix() (int, error) {
	rest := p.text[p.at+2:]
	name, _, closed := strings.Cut(rest, ":]")
	n, known := posixClasses[strings.TrimPrefix(name, "^")]
	if !closed || !known {
		return 0, errors.New(`[: begins no class that RE2 has; write \[ for the bracket`)
	}
	p.at += len("[:") + len(name) + len(":]")
	return n + 1, nil
}

// member reads one byte of a class.
func (p *parser) member() (byte, error) {
	if !p.more() {
		return 0, errOpenClass
	}
	c := p.text[p.at]
	switch {
	case c == '\\':
		return p.escaped()
	case c >= 0x80:
		return 0, errors.New("a list has a character beyond ASCII, which is several bytes; write (?:ä|ö) instead of [äö]")
	case c < ' ' && c != '\t', c == 0x7f:
		return 0, fmt.Errorf("it has the control character %q, which no request has", rune(c))
	}
	p.at++
	return c, nil
}
