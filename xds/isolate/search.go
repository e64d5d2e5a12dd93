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
	// alone: it is of a suspect; proof: it is the proof.
	alone, proof bool
}

// maxSuspects bounds how many parts are tried alone because they are suspected: what a suspicion without ground costs.
const maxSuspects = 2 * width

// hints say where to look first.
type hints struct {
	// suspected are parts that were refused before, as far as anything tells, with the form that they had then.
	suspected map[string]resource.Form
	// witness is a part that forwards and is not suspected; "": there is none.
	witness string
}

// search finds the parts of one table that proxies refuse. It first tries the parts that are new in the table, in groups
// that are divided until a part is refused alone; then all others; and when each part alone is good, prefixes of the table, to
// find the part that is refused together with those before it. The first refusal has the table without parts tried as well: when
// that is refused, no part is to blame.
//
// Before all that, suspected parts are tried, each alone, and in one more trial, the proof, all of them in the form that they had
// when they were refused before, beside a witness. When suspects are refused and the proof is accepted, they are to blame, and
// neither an empty table nor what all rules have in common is. Others that are to blame as well have the table refused once more.
// In every other case the search goes on as if nothing had been suspected. So a suspicion decides how many trials there are, and
// not what is withheld in the end.
type search struct {
	// order is all parts: those that were there before, then those that are new.
	order []string
	// known are the forms of parts that are withheld already.
	known map[string]resource.Form
	// suspects are tried first, with the form that they had before. worse are those that are refused when they answer 500.
	suspects []string
	before   map[string]resource.Form
	worse    map[string]bool
	// proven: the proof was accepted; doubted: the search goes on without.
	proven, doubted bool
	// list is what is tried, lists are tried when nothing of it is refused.
	list  []string
	lists [][]string

	queue   []trial
	running map[int]trial
	started int

	// together: prefixes are tried. The first low parts of order are accepted, the first high are refused.
	together  bool
	low, high int

	// control: the table without parts is tried, or was, to learn whether a part can be to blame at all.
	control bool
	// ended: the search is over without a finding.
	ended bool

	message string
	found   map[string]finding
}

// newSearch begins with the parts of a refused table, of which those from the index fresh on are new. message is what the
// proxy said about the table.
func newSearch(order []string, fresh int, known map[string]resource.Form, first hints, message string) *search {
	s := &search{
		order: order, known: known, running: map[int]trial{}, high: len(order), message: message, found: map[string]finding{},
		before: first.suspected, worse: map[string]bool{},
	}
	isKnown := func(id string) bool { _, ok := known[id]; return ok }
	for _, list := range [][]string{order[fresh:], order[:fresh]} {
		s.lists = append(s.lists, slices.DeleteFunc(slices.Clone(list), isKnown))
	}
	s.suspect(first)
	s.advance()
	return s
}

// suspect queues the suspected parts and the proof. Without a witness there is no proof, and nothing is suspected.
func (s *search) suspect(first hints) {
	if first.witness == "" {
		return
	}
	proof := []string{first.witness}
	for _, id := range s.order {
		form, suspected := s.before[id]
		if _, known := s.known[id]; !suspected || known || len(s.suspects) == maxSuspects {
			continue
		}
		s.suspects = append(s.suspects, id)
		s.try([]string{id}, nil)
		if form == resource.Absent {
			s.try([]string{id}, map[string]resource.Form{id: resource.Failing})
		} else {
			proof = append(proof, id)
		}
	}
	for i := range s.queue {
		s.queue[i].alone = true
	}
	if len(s.suspects) > 0 {
		s.try(proof, s.before)
		s.queue[len(s.queue)-1].proof = true
	}
}

// next queues the next list, but for suspects: they were tried. While the suspicion proves right, the others are one group.
func (s *search) next() {
	s.doubt()
	s.list, s.lists = s.lists[0], s.lists[1:]
	others := slices.DeleteFunc(slices.Clone(s.list), func(id string) bool { return slices.Contains(s.suspects, id) })
	if len(s.found) > 0 && len(others) > 0 {
		s.try(others, nil)
		return
	}
	s.split(others)
}

// doubt goes on with suspects that are refused when there is no proof, once.
func (s *search) doubt() {
	for _, id := range s.suspects {
		if _, refused := s.found[id]; !refused || s.doubted {
			continue
		}
		s.tryNothing()
		if s.before[id] != resource.Absent { // else it was tried
			s.try([]string{id}, map[string]resource.Form{id: resource.Failing})
		}
	}
	s.doubted = true
}

// tryNothing has the table without parts tried next, once.
func (s *search) tryNothing() {
	if !s.control {
		s.control = true
		s.queue = slices.Insert(s.queue, 0, trial{})
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
	s.proven = s.proven || t.proof
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
	switch {
	case len(t.parts) == 0:
		s.end()
	case t.proof: // the search goes on without
	case t.alone:
		s.condemn(t, message)
	default:
		s.tryNothing()
		s.narrow(t, message)
	}
	s.advance()
}

// condemn records that a suspect is refused, whole or when it answers 500. The answers come in any order.
func (s *search) condemn(t trial, message string) {
	only := t.parts[0]
	if t.forms[only] == resource.Whole {
		s.found[only] = finding{resource.Failing, message}
	} else {
		s.worse[only] = true
	}
	if v, refused := s.found[only]; refused && s.worse[only] {
		s.found[only] = finding{resource.Absent, v.message}
	}
}

// narrow follows up on a refused trial.
func (s *search) narrow(t trial, message string) {
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
}

// concluded reports whether what is found suffices: suspects with a proof, or something of the list that was tried.
func (s *search) concluded() bool {
	return s.proven && len(s.found) > 0 ||
		slices.ContainsFunc(s.list, func(id string) bool { _, ok := s.found[id]; return ok })
}

// advance decides what to try when everything was answered.
func (s *search) advance() {
	if s.ended || !s.done() || len(s.order) == 0 || s.concluded() {
		return
	}
	switch {
	case len(s.lists) > 0:
		if s.next(); s.done() {
			s.advance() // it was empty
		}
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
