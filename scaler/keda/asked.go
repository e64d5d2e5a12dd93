package keda

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/scaler"
)

// asked remembers, for people, the last poll of KEDA about each trigger in force and its answer.
type asked struct {
	mu   sync.Mutex
	last map[types.NamespacedName]told
}

// told is one answer; the zero value: KEDA has not asked.
type told struct {
	at     time.Time
	answer string
}

func newAsked() *asked { return &asked{last: map[types.NamespacedName]told{}} }

// note keeps an answer; an error is one, too.
func (a *asked) note(key types.NamespacedName, answer string, err error) {
	if err != nil {
		answer = "unknown: " + err.Error()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, inForce := a.last[key]; inForce {
		a.last[key] = told{time.Now(), answer}
	}
}

// set takes a change of the Catalog: of a trigger that is gone nothing is kept.
func (a *asked) set(key types.NamespacedName, now *scaler.Scaler) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now == nil {
		delete(a.last, key)
	} else if _, known := a.last[key]; !known {
		a.last[key] = told{}
	}
}

// Asked returns the last polls, sorted by the keys of their triggers.
func (s *Server) Asked() []debug.Asked {
	s.asked.mu.Lock()
	defer s.asked.mu.Unlock()
	all := make([]debug.Asked, 0, len(s.asked.last))
	for key, last := range s.asked.last {
		if last.at.IsZero() {
			continue
		}
		all = append(all, debug.Asked{Key: key.String(), Ago: time.Since(last.at).Round(time.Millisecond).String(), Answer: last.answer})
	}
	slices.SortFunc(all, func(a, b debug.Asked) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// valueText and activeText are answers as people read them.
func valueText(value float64) string { return strconv.FormatFloat(value, 'g', 4, 64) }

func activeText(active bool) string {
	if active {
		return "active"
	}
	return "not active"
}
