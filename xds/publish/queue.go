package publish

import (
	"container/heap"
	"time"
)

// queueName says where a record waits.
type queueName uint8

const (
	notQueued queueName = iota
	inUpserts
	inRemovals
)

// queue is a first-in first-out list of records.
type queue struct {
	items []*record
	head  int
}

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) push(r *record) { q.items = append(q.items, r) }

func (q *queue) front() *record { return q.items[q.head] }

func (q *queue) pop() {
	q.items[q.head] = nil
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
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
			s.enqueue(due)
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
