package isolate

import (
	"slices"

	"github.com/kedify/inference-gateway/xds/resource"
)

// width is how many trials of one table are under way. The publisher sends as many responses of one type before it
// waits for an answer.
const width = 16

// finding is what a search found about a part.
type finding struct {
	form    resource.Form
	message string // of the proxy
}

// trial is a question: does the proxy take these parts in these forms?
type trial struct {
	parts []string
	forms map[string]resource.Form
}

// maxSuspects bounds how many parts of a list are tried alone because they are suspected: what a suspicion without ground costs.
const maxSuspects = 2 * width

// search finds the parts of one table that proxies refuse. It first tries the parts that are new in the table, in groups
// that are divided until a part is refused alone; then all others; and when each part alone is good, prefixes of the table, to
// find the part that is refused together with those before it. The first refusal has the table without parts tried as well: when
// that is refused, no part is to blame. A suspected part is alone in its group from the beginning. So a suspicion decides how
// many trials there are, and not what is found.
type search struct {
	// order is all parts: those that were there before, then those that are new.
	order []string
	// known are the forms of parts that are withheld already.
	known map[string]resource.Form
	// suspected are parts that were refused before, as far as anything tells.
	suspected map[string]bool
	// rest are the parts that are tried when the new ones are good.
	rest []string

	queue   []trial
	running map[int]trial
	started int

	// together: prefixes are tried. The first low parts of order are accepted, the first high are refused.
	together  bool
	low, high int

	// control: the table without parts is tried, or was, to learn whether a part can be to blame at all.
	control bool
	// ended: whatever was asked, nothing is found.
	ended bool

	message string
	found   map[string]finding
}

// newSearch begins with the parts of a refused table, of which those from the index fresh on are new. message is what the
// proxy said about the table.
func newSearch(order []string, fresh int, known map[string]resource.Form, suspected map[string]bool, message string) *search {
	s := &search{
		order: order, known: known, suspected: suspected, running: map[int]trial{}, high: len(order), message: message,
		found: map[string]finding{},
	}
	isKnown := func(id string) bool { _, ok := known[id]; return ok }
	s.rest = slices.DeleteFunc(slices.Clone(order[:fresh]), isKnown)
	s.begin(slices.DeleteFunc(slices.Clone(order[fresh:]), isKnown))
	s.advance()
	return s
}

// begin queues a list of parts: those that are suspected each alone and, if there are any, the others in one group, which is good
// when the suspicion is right.
func (s *search) begin(parts []string) {
	var alone, others []string
	for _, id := range parts {
		if s.suspected[id] && len(alone) < maxSuspects {
			alone = append(alone, id)
		} else {
			others = append(others, id)
		}
	}
	if len(alone) == 0 {
		s.split(others)
		return
	}
	if len(others) > 0 {
		s.try(others, nil)
	}
	for _, id := range alone {
		s.try([]string{id}, nil)
	}
}

// split queues the parts as up to width groups.
func (s *search) split(parts []string) {
	if len(parts) == 0 {
		return
	}
	size := (len(parts) + width - 1) / width
	for group := range slices.Chunk(parts, size) {
		s.try(group, nil)
	}
}

// try queues a trial of parts, whole unless forms says otherwise.
func (s *search) try(parts []string, forms map[string]resource.Form) {
	t := trial{parts: parts, forms: make(map[string]resource.Form, len(parts))}
	for _, id := range parts {
		t.forms[id] = forms[id]
	}
	s.queue = append(s.queue, t)
}

// take returns the trials to begin now, by their numbers.
func (s *search) take() map[int]trial {
	taken := map[int]trial{}
	for len(s.queue) > 0 && len(s.running) < width {
		s.started++
		taken[s.started], s.running[s.started] = s.queue[0], s.queue[0]
		s.queue = s.queue[1:]
	}
	return taken
}

// done reports whether nothing is left to try.
func (s *search) done() bool { return len(s.queue) == 0 && len(s.running) == 0 }

// accept records that the proxies accepted a trial.
func (s *search) accept(number int) {
	t, ok := s.running[number]
	if !ok {
		return
	}
	delete(s.running, number)
	if s.together {
		s.low = max(s.low, len(t.parts))
	}
	s.advance()
}

// end ends a search that can find nothing: its answers do not come, or no part is to blame.
func (s *search) end() {
	s.ended, s.queue = true, nil
	clear(s.running)
	clear(s.found)
}

// refuse records that a proxy refused a trial.
func (s *search) refuse(number int, message string) {
	t, ok := s.running[number]
	if !ok {
		return
	}
	delete(s.running, number)
	if len(t.parts) == 0 {
		s.end()
		return
	}
	if !s.control {
		s.control = true
		s.queue = slices.Insert(s.queue, 0, trial{})
	}
	switch only := t.parts[0]; {
	case s.together:
		s.high, s.message = len(t.parts), message
	case len(t.parts) > 1:
		s.split(t.parts)
	case t.forms[only] == resource.Whole:
		s.found[only] = finding{resource.Failing, message}
		s.try(t.parts, map[string]resource.Form{only: resource.Failing})
	default:
		s.found[only] = finding{resource.Absent, s.found[only].message}
	}
	s.advance()
}

// advance decides what to try when everything was answered.
func (s *search) advance() {
	if s.ended || !s.done() || len(s.found) > 0 || len(s.order) == 0 {
		return
	}
	if len(s.rest) > 0 {
		s.begin(s.rest)
		s.rest = nil
		return
	}
	switch {
	case !s.together: // as a trial: what is refused may not be a rule at all
		s.together = true
		s.try(s.order, s.known)
	case s.high-s.low > 1:
		s.try(s.order[:(s.low+s.high)/2], s.known)
	case s.high > s.low:
		s.blame(s.order[s.high-1])
	}
}

// blame withholds the part that is refused together with those before it, more of it each time.
func (s *search) blame(id string) {
	switch s.known[id] {
	case resource.Whole:
		s.found[id] = finding{resource.Failing, s.message}
	case resource.Failing:
		s.found[id] = finding{resource.Absent, s.message}
	case resource.Absent: // it is not in the table
	}
}
