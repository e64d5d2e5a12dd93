package hold

import "sync"

const (
	// reserveShare of the places of a replica is the reserve.
	reserveShare = 4 // a quarter
	// reservedPerKey is how many requests of one demand key the reserve takes at most.
	reservedPerKey = 10
	// poolWeight bounds the places of one tenant to a multiple of those that are free: alone it gets four fifths of
	// the pool, and there is always room for the next tenant.
	poolWeight = 4
)

// places are where a replica holds requests, so that no tenant takes all of them. A tenant is the namespace of
// the triggers, or of a gateway whose requests count for none. The pool is for all; the reserve is for the
// first requests of each trigger, which wake its workload, when the pool has no place for them.
type places struct {
	mu            sync.Mutex
	pool, reserve ledger
}

// place of one request; of nil: none.
type place struct {
	tenant string
	of     *ledger
}

func newPlaces(total int) *places {
	reserved := total / reserveShare
	return &places{pool: newLedger(total-reserved, poolWeight), reserve: newLedger(reserved, 1)}
}

// take returns a place. first: the request is one of the first of its trigger.
func (p *places) take(tenant string, first bool) place {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.pool.take(tenant):
		return place{tenant, &p.pool}
	case first && p.reserve.take(tenant):
		return place{tenant, &p.reserve}
	}
	return place{}
}

func (p *places) leave(at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at.of.leave(at.tenant)
}

// ledger is a number of places with their tenants. A tenant gets no more while it has weight times as many as are
// free (a dynamic threshold, as switches share their buffers): nothing has to be known about the number of
// tenants, and what a tenant does not use is not lost.
type ledger struct {
	limit, weight, total int
	byTenant             map[string]int // no zeros
}

func newLedger(limit, weight int) ledger {
	return ledger{limit: limit, weight: weight, byTenant: map[string]int{}}
}

func (l *ledger) take(tenant string) bool {
	if l.byTenant[tenant] >= l.weight*(l.limit-l.total) {
		return false
	}
	l.byTenant[tenant]++
	l.total++
	return true
}

func (l *ledger) leave(tenant string) {
	l.total--
	if l.byTenant[tenant]--; l.byTenant[tenant] == 0 {
		delete(l.byTenant, tenant)
	}
}
