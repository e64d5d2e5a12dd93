package places

import "testing"

// The table of docs/adr/0032-fair-holding.md: each tenant takes what it gets, one after the other, and the first request
// of another trigger still finds a place. What is given back can be taken again.
func TestX5Shares(t *testing.T) {
	const total = 10_000
	p := New(total)
	taken := map[string][]Place{}
	flood := func(tenant string) int {
		for {
			at, found := p.Take(tenant, false)
			if !found {
				return len(taken[tenant])
			}
			taken[tenant] = append(taken[tenant], at)
		}
	}
	for _, want := range []struct {
		tenant string
		places int
	}{{"first", 6000}, {"second", 1200}, {"third", 240}} {
		if got := flood(want.tenant); got != want.places {
			t.Errorf("the %s tenant has %d places, want %d", want.tenant, got, want.places)
		}
	}
	at, found := p.Take("first", true)
	if !found || !at.Reserved {
		t.Errorf("the first request of a trigger of a tenant that floods: %+v, %v", at, found)
	}
	if at, found = p.Take("other", true); !found || at.Reserved {
		t.Errorf("the first request of another tenant: %+v, %v", at, found)
	}
	for _, places := range taken {
		for _, at := range places {
			p.Leave(at)
		}
	}
	if p.pool.total != 1 || len(p.pool.byTenant) != 1 {
		t.Errorf("after all but one left: %+v", p.pool)
	}
}
