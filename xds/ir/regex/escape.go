package regex

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// escape reads a backslash and what follows, outside of a class.
func (p *parser) escape() (node, error) {
	if p.at+1 < len(p.text) {
		c := p.text[p.at+1]
		if n, ok := perlClasses[c]; ok {
			p.at += 2
			return ranges(n), nil
		}
		if strings.IndexByte("AbBz", c) >= 0 {
			p.at += 2
			return node{size: 1, repeats: 1}, nil
		}
	}
	_, err := p.escaped()
	return node{size: 1, repeats: 1}, err
}

// controls are the characters that letters stand for.
var controls = map[byte]byte{'a': '\a', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// escaped reads a backslash and what follows, where both stand for one byte.
func (p *parser) escaped() (byte, error) {
	if p.at+1 == len(p.text) {
		return 0, errors.New(`it ends with a \`)
	}
	c := p.text[p.at+1]
	control, known := controls[c]
	switch {
	case c == 'x':
		return p.hexadecimal()
	case known:
		p.at += 2
		return control, nil
	case c == 'p' || c == 'P':
		return 0, fmt.Errorf(`\%c is not supported, because the proxy compares bytes; list the characters`, c)
	case c < ' ' || c >= 0x7f || wordByte(rune(c)) && c != '_':
		return 0, fmt.Errorf(`\ before %q is not supported; see the syntax of RE2`, rune(c))
	}
	p.at += 2
	return c, nil
}

// hexadecimal reads \x41 or \x{41}.
func (p *parser) hexadecimal() (byte, error) {
	rest := p.text[p.at+2:]
	digits := rest[:min(2, len(rest))]
	length := len(`\x`) + len(digits)
	if strings.HasPrefix(rest, "{") {
		var closed bool
		digits, _, closed = strings.Cut(rest[1:], "}")
		length = len(`\x{}`) + len(digits)
		if !closed {
			digits = ""
		}
	} else if len(digits) < 2 {
		digits = ""
	}
	value, err := strconv.ParseUint(digits, 16, 8)
	if err != nil {
		return 0, errors.New(`\x is not followed by the number of a byte, as in \x41 or \x{41}`)
	}
	p.at += length
	return byte(value), nil
}
