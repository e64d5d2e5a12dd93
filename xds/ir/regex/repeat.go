package regex

import (
	"errors"
	"fmt"
	"strings"
)

// without says that a repetition has no upper limit.
const without = -1

// repetition reads what repeats a part, if anything does.
func (p *parser) repetition(part node) (node, error) {
	if !p.more() || strings.IndexByte("*+?{", p.text[p.at]) < 0 {
		return part, nil
	}
	least, most, found, err := p.counts()
	if err != nil || !found {
		return part, err
	}
	if part.bytes {
		return part, errors.New("a character beyond ASCII is several bytes, of which the last would be repeated; write it as (?:ä)")
	}
	p.take("?") // prefer fewer
	if begin := p.at; p.more() {
		if _, _, again, err := p.counts(); again || err != nil {
			p.at = begin
			return part, fmt.Errorf("a repetition is repeated by %c", p.text[begin])
		}
	}
	times := most
	if most == without {
		times = least
	}
	// RE2 writes the part as often as it may be there; around a part that may be empty it needs more.
	whole := node{size: max(times, 1)*(part.size+1) + 4, repeats: part.repeats}
	if times > 1 {
		whole.repeats *= times
	}
	switch {
	case whole.repeats > maxRepeat:
		return whole, fmt.Errorf("it repeats a part more than %d times", maxRepeat)
	case whole.size > MaxSize:
		return whole, errLarge
	}
	return whole, nil
}

// counts reads a repetition. A brace that begins none is a character.
func (p *parser) counts() (least, most int, found bool, err error) {
	switch {
	case p.take("*"):
		return 0, without, true, nil
	case p.take("+"):
		return 1, without, true, nil
	case p.take("?"):
		return 0, 1, true, nil
	case !p.peek("{"):
		return 0, 0, false, nil
	}
	begin := p.at
	p.at++
	least, isNumber := p.number()
	most = least
	if isNumber && p.take(",") {
		if most = without; !p.peek("}") {
			most, isNumber = p.number()
		}
	}
	if !isNumber || !p.take("}") {
		p.at = begin
		return 0, 0, false, nil
	}
	switch {
	case least > maxRepeat || most > maxRepeat:
		return 0, 0, true, fmt.Errorf("it repeats a part more than %d times", maxRepeat)
	case most != without && least > most:
		return 0, 0, true, fmt.Errorf("%s has the larger number first", p.text[begin:p.at])
	}
	return least, most, true, nil
}

// number reads digits; a leading zero makes none.
func (p *parser) number() (value int, ok bool) {
	begin := p.at
	for p.more() && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		value = min(value*10+int(p.text[p.at]-'0'), maxRepeat+1)
		p.at++
	}
	digits := p.at - begin
	return value, digits == 1 || digits > 1 && p.text[begin] != '0'
}
