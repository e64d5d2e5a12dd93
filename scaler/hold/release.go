package hold

import "time"

// admit takes over an admission and, in the same critical section, releases the held requests
// that pass now. It returns when to call it again; zero: when something happens.
func (r *requests) admit(a *admission, now time.Time) (again time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admission = *a
	r.pace.set(a.endpoints, a.window, a.load)
	r.giveUp()
	again = r.release(now, true)
	if a.mayPause && r.held > 0 {
		again = earlier(again, now.Add(pauseLook))
	}
	again = earlier(again, r.redirectOrphans(now))
	if a.mayDisarm && r.traffic.enough(now, &r.options.Timing) {
		again = earlier(again, now.Add(r.options.Timing.DisarmAfter))
	}
	return again
}

// pauseLook is how often it is looked whether a paused target is at zero by now, while requests are held.
const pauseLook = time.Second

// giveUp ends the wait of requests that nothing will answer. mu is held.
func (r *requests) giveUp() {
	if r.admission.policy == turnAway {
		for node := range r.queues {
			r.endAll(node, turnedAway)
		}
	}
	if len(r.admission.paused) == 0 || r.admission.endpoints > 0 { // endpoints answer, whichever workload they belong to
		return
	}
	for _, q := range r.queues {
		for place := q.requests.Front(); place != nil; {
			p := place.Value.(*pendingRequest)
			place = place.Next()
			if r.admission.paused[p.demand] {
				r.dequeue(p)
				p.end(stopped)
			}
		}
	}
}

// release releases requests in order of arrival, as many as the pace allows, and returns when the
// next may be released; zero: none is held that could pass. begin: the pace may begin. mu is held.
func (r *requests) release(now time.Time, begin bool) (again time.Time) {
	p := r.oldest()
	if p == nil {
		r.pace.end()
		return time.Time{}
	}
	if begin {
		r.pace.tick(now, r.options.Timing.Pace)
	}
	paced := r.admission.policy == passReady
	for ; p != nil; p = r.oldest() {
		if paced && !r.pace.take() {
			return r.pace.nextAt
		}
		r.dequeue(p)
		r.answered(p.probe, now)
		p.endpoints = r.admission.endpoints
		p.end(released)
	}
	r.pace.end()
	return time.Time{}
}

// oldest returns the oldest held request that passes; nil: there is none. mu is held.
func (r *requests) oldest() *pendingRequest {
	var oldest *pendingRequest
	for node, q := range r.queues {
		if p := q.head(); (oldest == nil || p.serial < oldest.serial) && r.passes(node) {
			oldest = p
		}
	}
	return oldest
}

// redirectOrphans sends the requests of proxies that are not connected for too long to another
// replica, and returns when that is due for others. mu is held.
func (r *requests) redirectOrphans(now time.Time) (again time.Time) {
	if r.admission.starting {
		return time.Time{}
	}
	for node, q := range r.queues {
		if r.connected(node) {
			q.disconnectedAt = time.Time{}
			continue
		}
		if q.disconnectedAt.IsZero() {
			q.disconnectedAt = now
		}
		until := q.disconnectedAt.Add(r.options.Timing.OrphanWait)
		if !until.After(now) {
			r.endAll(node, redirected)
			continue
		}
		again = earlier(again, until)
	}
	return again
}

// endAll ends the wait of every request in a queue. mu is held.
func (r *requests) endAll(node string, o outcome) {
	for q := r.queues[node]; q != nil && q.requests.Len() > 0; {
		p := q.head()
		r.dequeue(p)
		p.end(o)
	}
}

// dequeue takes a request out of its queue. mu is held.
func (r *requests) dequeue(p *pendingRequest) {
	q := r.queues[p.node]
	q.requests.Remove(p.place)
	r.held--
	if q.requests.Len() == 0 {
		delete(r.queues, p.node)
	}
}
