// Package places shares the places for held requests of a replica among tenants.
//
// Job: no tenant takes all places, and the first requests of each trigger find one in spite of others
// (docs/adr/0032-fair-holding.md). Inputs: tenants that take and leave places. Outputs: a Place, or none.
// Ownership: Places has a lock and may be used from any goroutine.
package places

import "sync"

const (
	// ReservedPerKey is how many requests of one demand key the reserve takes at most.
	ReservedPerKey = 10
	// reserveShare of the places of a replica is the reserve.
	reserveShare = 4 // a quarter
	// poolWeight bounds the places of one tenant to a multiple of those that are free: alone it gets four fifths of
	// the pool, and there is always room for the next tenant.
	poolWeight = 4
)

// Places of a replica. A tenant is the namespace of the triggers, or of a gateway whose requests count for none.
// The pool is for all; the reserve is for the first requests of each trigger, which wake its workload, when the
// pool has no place for them.
type Places struct {
	mu            sync.Mutex
	pool, reserve ledger
}

// Place of one request.
type Place struct {
	tenant string
	of     *ledger
	// Reserved: it is one of the reserve.
	Reserved bool
}

// New returns a number of places that are free.
func New(total int) *Places {
	reserved := total / reserveShare
	return &Places{pool: newLedger(total-reserved, poolWeight), reserve: newLedger(reserved, 1)}
}

// Take returns a place; false: there is none. first: the request is one of the first of its trigger.
func (p *Places) Take(tenant string, first bool) (Place, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.pool.take(tenant, 1):
		return Place{tenant: tenant, of: &p.pool}, true
	case first && p.reserve.take(tenant, 1):
		return Place{tenant: tenant, of: &p.reserve, Reserved: true}, true
	}
	return Place{}, false
}

// Leave gives a place back.
func (p *Places) Leave(at Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at.of.leave(at.tenant, 1)
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

// take takes n.
func (l *ledger) take(tenant string, n int) bool {
	if !l.fits(tenant, n) {
		return false
	}
	l.add(tenant, n)
	return true
}

func (l *ledger) fits(tenant string, n int) bool {
	return l.byTenant[tenant]+n <= l.weight*(l.limit-l.total) && l.total+n <= l.limit
}

func (l *ledger) add(tenant string, n int) {
	l.byTenant[tenant] += n
	l.total += n
}

func (l *ledger) leave(tenant string, n int) {
	l.total -= n
	if l.byTenant[tenant] -= n; l.byTenant[tenant] == 0 {
		delete(l.byTenant, tenant)
	}
}
