package pickerrelay

import (
	"sync"
	"time"
)

const (
	// hangsAfter timeouts in a row, a picker hangs: requests do not wait for it, but for one each trialInterval.
	hangsAfter    = 3
	trialInterval = time.Second
)

// health has the pickers that did not answer in time. Its zero value is ready for use.
type health struct {
	mu   sync.Mutex
	late map[string]*lateness // by cluster; pickers that answer are not in it
}

type lateness struct {
	timeouts int
	trialAt  time.Time // the next one
}

// ask reports whether a request may ask a picker.
func (h *health) ask(picker string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	late := h.late[picker]
	if late == nil || late.timeouts < hangsAfter {
		return true
	}
	if now.Before(late.trialAt) {
		return false
	}
	late.trialAt = now.Add(trialInterval)
	return true
}

// answered notes an answer in time. The picker hung: it does no more.
func (h *health) answered(picker string) (hung bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	late := h.late[picker]
	delete(h.late, picker)
	return late != nil && late.timeouts >= hangsAfter
}

// timedOut notes that no answer came in time. begins: from now on the picker hangs.
func (h *health) timedOut(picker string, now time.Time) (begins bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	late := h.late[picker]
	if late == nil {
		late = &lateness{}
		if h.late == nil {
			h.late = map[string]*lateness{}
		}
		h.late[picker] = late
	}
	late.timeouts++
	late.trialAt = now.Add(trialInterval)
	return late.timeouts == hangsAfter
}
