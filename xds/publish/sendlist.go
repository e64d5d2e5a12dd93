package publish

import (
	"container/heap"
	"time"
)

// listName says where a record waits.
type listName uint8

const (
	inNoList listName = iota
	inUpserts
	inRemovals
)

// sendList is a first-in first-out list of records.
type sendList struct {
	items []*record
	head  int
}

func (l *sendList) len() int { return len(l.items) - l.head }

func (l *sendList) push(r *record) { l.items = append(l.items, r) }

func (l *sendList) front() *record { return l.items[l.head] }

func (l *sendList) pop() {
	l.items[l.head] = nil
	l.head++
	if l.head == len(l.items) {
		l.items, l.head = l.items[:0], 0
	}
}

// alarm is a record that must be looked at when a time has come.
type alarm struct {
	at     time.Time
	record *record
}

// alarms is a heap, earliest first.
type alarms []alarm

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a alarms) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *alarms) Push(x any)        { *a = append(*a, x.(alarm)) }

func (a *alarms) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = alarm{}
	*a = old[:len(old)-1]
	return last
}

// alarmAt has the session look at the record again at a time, at the latest.
func (s *Session) alarmAt(at time.Time, r *record) {
	heap.Push(&s.alarms, alarm{at: at, record: r})
}

// ring queues the records whose time has come.
func (s *Session) ring(now time.Time) {
	for len(s.alarms) > 0 && !s.alarms[0].at.After(now) {
		due := heap.Pop(&s.alarms).(alarm).record
		if due.blocked || s.isLeaving(due) {
			s.schedule(due)
		}
	}
}

// arm sets the timer for the next alarm.
func (s *Session) arm(now time.Time) {
	if len(s.alarms) == 0 {
		return
	}
	next := s.alarms[0].at
	if s.timer != nil && !s.timerAt.After(next) && s.timerAt.After(now) {
		return // rings early enough
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timerAt = next
	s.timer = s.gateway.publisher.clock.AfterFunc(next.Sub(now), s.signal)
}
