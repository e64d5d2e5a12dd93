package regex

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// parser reads one expression from left to right.
type parser struct {
	text  string
	at    int
	fold  bool // flag i
	depth int
	names map[string]bool // of groups
}

// node is what counts of a part of an expression.
type node struct {
	size int // instructions
	// repeats is the product of nested repetitions, as RE2 counts it.
	repeats int
	// bytes says that the part is a character of several bytes, of which a repetition would take the
	// last.
	bytes bool
}

func (p *parser) more() bool { return p.at < len(p.text) }

// peek reports whether the rest of the text begins with the given one.
func (p *parser) peek(begin string) bool { return strings.HasPrefix(p.text[p.at:], begin) }

// take is peek that passes over it.
func (p *parser) take(begin string) bool {
	if !p.peek(begin) {
		return false
	}
	p.at += len(begin)
	return true
}

// alternation ends before a closing parenthesis, or with the text.
func (p *parser) alternation() (node, error) {
	fold := p.fold
	whole := node{repeats: 1}
	for {
		branch, err := p.concatenation()
		if err != nil {
			return whole, err
		}
		if whole, err = whole.and(branch); err != nil {
			return whole, err
		}
		whole.size++
		if !p.take("|") {
			p.fold = fold // flags end with their group
			return whole, nil
		}
	}
}

func (n node) and(next node) (node, error) {
	both := node{size: n.size + next.size, repeats: max(n.repeats, next.repeats)}
	if both.size > MaxSize {
		return both, errLarge
	}
	return both, nil
}

func (p *parser) concatenation() (node, error) {
	whole := node{repeats: 1}
	for p.more() {
		switch p.text[p.at] {
		case '|', ')':
			return whole, nil
		case '(':
			if set, err := p.flags(); err != nil {
				return whole, err
			} else if set {
				continue
			}
		}
		part, err := p.atom()
		if err != nil {
			return whole, err
		}
		if part, err = p.repetition(part); err != nil {
			return whole, err
		}
		if whole, err = whole.and(part); err != nil {
			return whole, err
		}
	}
	return whole, nil
}

func (p *parser) atom() (node, error) {
	one := node{size: 1, repeats: 1}
	switch c := p.text[p.at]; c {
	case '(':
		return p.group()
	case '[':
		p.at++
		return p.class()
	case '\\':
		return p.escape()
	case '.':
		p.at++
		return ranges(2), nil
	case '*', '+', '?':
		return one, fmt.Errorf("nothing is repeated by %c", c)
	case '{':
		before := p.at
		if _, _, counted, err := p.counts(); counted || err != nil {
			p.at = before
			return one, errors.New("nothing is repeated by {")
		}
		p.at++
		return one, nil
	default:
		return p.character()
	}
}

// character is one that stands for itself. Envoy compares bytes, so that a character beyond ASCII
// is a sequence of them: nothing that concerns a single character works on it.
func (p *parser) character() (node, error) {
	c, width := utf8.DecodeRuneInString(p.text[p.at:])
	switch {
	case c == utf8.RuneError && width == 1:
		return node{}, errors.New("it is not valid UTF-8")
	case c < ' ' && c != '\t', c == 0x7f:
		return node{}, fmt.Errorf("it has the control character %q, which no request has", c)
	case width > 1 && p.fold:
		return node{}, fmt.Errorf("case is not ignored for %q; write both characters, as in (?-i:ä|Ä)", c)
	}
	p.at += width
	return node{size: width, repeats: 1, bytes: width > 1}, nil
}

// ranges is a class of so many ranges of bytes.
func ranges(n int) node { return node{size: 2 * n, repeats: 1} }

// group reads a group, whose flags alone, as in (?i), flags has read.
func (p *parser) group() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return node{}, errDeep
	}
	fold, captures := p.fold, 2
	switch {
	case p.peek("(?P<"), p.peek("(?<"):
		if err := p.name(); err != nil {
			return node{}, err
		}
	case p.peek("(?"):
		p.at += len("(?")
		if err := p.setFlags(); err != nil {
			return node{}, err
		}
		p.at++ // the colon
		captures = 0
	default:
		p.at++
	}
	whole, err := p.alternation()
	if err != nil {
		return node{}, err
	}
	if !p.take(")") {
		return node{}, errOpen
	}
	p.fold = fold
	p.depth--
	whole.size += captures
	return whole, nil
}

// name reads the beginning of a group with a name.
func (p *parser) name() error {
	begin := p.at
	end := strings.IndexByte(p.text[begin:], '>')
	if end < 0 {
		return errors.New("the name of a group has no end")
	}
	name := p.text[begin+strings.IndexByte(p.text[begin:], '<')+1 : begin+end]
	if name == "" || strings.ContainsFunc(name, func(c rune) bool { return !wordByte(c) }) {
		return fmt.Errorf("%q is not the name of a group", name)
	}
	if p.names[name] {
		return fmt.Errorf("two groups have the name %s", name)
	}
	if p.names == nil {
		p.names = map[string]bool{}
	}
	if p.names[name] = true; len(p.names) > maxNames {
		return fmt.Errorf("more than %d groups have names", maxNames)
	}
	p.at += end + 1
	return nil
}

func wordByte(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// flags reads flags for the rest of the group, and reports whether there are any.
func (p *parser) flags() (bool, error) {
	if !p.peek("(?") || p.peek("(?P<") || p.peek("(?<") {
		return false, nil
	}
	begin, fold := p.at, p.fold
	p.at += len("(?")
	if err := p.setFlags(); err != nil {
		return false, err
	}
	if p.text[p.at] == ':' {
		p.at, p.fold = begin, fold
		return false, nil
	}
	p.at++ // the parenthesis
	return true, nil
}

// setFlags reads flags up to the colon or the parenthesis that ends them.
func (p *parser) setFlags() error {
	on, begin := true, p.at
	for ; p.more(); p.at++ {
		switch c := p.text[p.at]; {
		case c == 'i':
			p.fold = on
		case c == 'm', c == 's', c == 'U':
		case c == '-' && on:
			on = false
		case c == ':' && p.at == begin:
			return nil
		case (c == ':' || c == ')') && p.at > begin && p.text[p.at-1] != '-':
			return nil
		default:
			return fmt.Errorf("(?%s is not a group that RE2 has", p.text[begin:p.at+1])
		}
	}
	return errOpen
}
