package pickers

import (
	"reflect"
	"slices"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Question is whether each picker of a pool knows an endpoint of it.
type Question struct {
	// Tenant is the namespace of the pool. Its questions share what one tenant may use.
	Tenant string
	// FailOpen: requests of the pool do without a picker that does not answer.
	FailOpen bool
	// Authority is the host that proxies name in their calls: the name of the picker's cluster.
	Authority string
	// Pickers are the addresses that proxies may call.
	Pickers []ir.Endpoint
	// TLS is how proxies connect; nil: in cleartext. CA is the bundle that TLS.CA names, in PEM.
	TLS *ir.UpstreamTLS
	CA  []byte
	// Endpoints are those of the pool. A picker knows the pool when it names one of them.
	Endpoints []ir.Endpoint
}

// Equal reports whether two questions have the same answer.
func (q *Question) Equal(other *Question) bool {
	return q.Tenant == other.Tenant && q.Authority == other.Authority && reflect.DeepEqual(q.TLS, other.TLS) && slices.Equal(q.CA, other.CA) &&
		slices.Equal(q.Pickers, other.Pickers) && slices.Equal(q.Endpoints, other.Endpoints)
}

// names reports whether an endpoint of the pool is in a list as pickers write it, "address:port,address:port".
func (q *Question) names(list []string) bool {
	return slices.ContainsFunc(list, func(named string) bool {
		return slices.ContainsFunc(q.Endpoints, func(e ir.Endpoint) bool { return e.String() == named })
	})
}

// Verdict is what is known of the pickers of a pool.
type Verdict uint8

const (
	// Pending: a picker has not named an endpoint of the pool, and may do so in a moment.
	Pending Verdict = iota
	// Known: each picker named an endpoint of the pool.
	Known
	// Untold: each picker that can tell named an endpoint, and at least one cannot: it is not reached from here, or is of
	// an implementation that does not answer this question.
	Untold
)
