package ir

import "time"

// Host is the routes of one hostname on one chain: the unit that a user edits and that
// travels alone. Hostname is exact for a host of its own; inside Wildcards it is
// "*.suffix", "*", or an exact name that answers 421.
type Host struct {
	Chain    string
	Hostname string
	// Routes in the order of precedence (Gateway API HTTPRouteMatch). A request that
	// matches none gets 404.
	Routes []Route
	// Fields of Envoy's RouteAction that the user sets for all routes (xds/fields, RouteText).
	Fields string
	// Filters of the listener that the host belongs to; nil: none.
	Filters *ListenerFilters
	// ModelBody is the largest body, in bytes, that is read for its model; zero: DefaultModelBody.
	ModelBody uint64
}

// EachCluster visits the clusters that the host names. A cluster may be visited several times.
func (h Host) EachCluster(visit func(ClusterKey)) {
	h.Filters.EachCluster(visit)
	for i := range h.Routes {
		EachCluster(h.Routes[i].Action, visit)
	}
}

// Answering returns the host with one answer to all of its requests, which pass no filter before.
func (h Host) Answering(name string, answer Respond, source Source) Host {
	h.Filters = nil
	h.Routes = []Route{{
		Name: name, Match: Match{Path: PathMatch{Kind: PathPrefix, Value: "/"}},
		Action: &answer, Source: source,
	}}
	return h
}

// FiltersFailed is what a host answers whose listener has filters that cannot be served.
func FiltersFailed() Respond { return Respond{StatusCode: 500, Reason: "ListenerFilters"} }

// Wildcards is every host of a chain that is not exact: consulted only when the exact host
// is missing.
type Wildcards struct {
	Chain string
	Hosts []Host
}

// Route is one match and what to do with the requests it takes.
type Route struct {
	// Name is unique enough to find the rule in a log: kind/namespace/name and the match.
	// Never empty.
	Name   string
	Match  Match
	Action Action
	Source Source
}

// Match selects requests; all its parts must hold.
type Match struct {
	Path    PathMatch
	Method  string // empty: any
	Headers []ValueMatch
	Query   []ValueMatch
	Model   ModelMatch
}

// PathMatchKind says how PathMatch.Value is compared.
type PathMatchKind string

const (
	PathPrefix PathMatchKind = "prefix" // on path segments: /a takes /a and /a/b, not /ab
	PathExact  PathMatchKind = "exact"
	PathRegex  PathMatchKind = "regex" // RE2, the whole path
)

// PathMatch compares the path without its query.
type PathMatch struct {
	Kind  PathMatchKind
	Value string
}

// ValueMatch compares one header or query parameter.
type ValueMatch struct {
	Name  string
	Value string
	Regex bool // RE2 on the whole value; otherwise equality
}

// Action is what happens to a request: *Forward, *Redirect or *Respond.
type Action interface{ isAction() }

// Forward sends the request to one of the weighted targets.
type Forward struct {
	Targets  []Target
	Filters  Filters
	Timeouts Timeouts
	Retry    *Retry
}

// eachCluster visits backends, pickers, holds, authorization services and mirrors.
func (f *Forward) eachCluster(visit func(ClusterKey)) {
	for _, target := range f.Targets {
		if target.Invalid {
			continue
		}
		visit(target.Cluster)
		if target.Picker != nil {
			visit(target.Picker.Cluster)
			if target.Picker.Timeout > 0 {
				visit(target.Picker.AskedBy())
			}
		}
		if target.Hold != nil {
			visit(target.Hold.Cluster)
		}
		if target.Filters.Auth != nil {
			visit(target.Filters.Auth.Cluster)
		}
	}
	if f.Filters.Auth != nil {
		visit(f.Filters.Auth.Cluster)
	}
	for _, mirror := range f.Filters.Mirrors {
		visit(mirror.Cluster)
	}
}

// Target is one weighted backend. Picker and Hold belong to the target, never to the route, so
// that two pools of one rule keep their own endpoint picker, and only requests to a backend
// without an endpoint wait.
type Target struct {
	// Cluster is the backend. Invalid targets have none: their share of the requests is
	// answered 500 (Gateway API, HTTPBackendRef), for the Reason.
	Cluster ClusterKey
	Invalid bool
	Reason  string
	Weight  uint32
	Filters TargetFilters
	Picker  *Picker
	// Hold lets requests wait while the backend has no ready endpoint; nil: it always has one.
	Hold *Hold
}

// Hold makes the proxy ask, before it routes a request to a backend that may have no endpoint,
// and wait for the answer. While the hold cluster has no endpoint, requests are
// routed at once.
type Hold struct {
	// Cluster of the control planes that are asked, ClusterKey.Hold of the target's cluster.
	Cluster ClusterKey
	// Demand is the HTTPScaler whose request waits.
	Demand Key
	// Timeout of the wait, kept by the holder that is asked: the proxy must have more patience.
	Timeout time.Duration
}

// TargetFilters change what one backend sends and receives. Auth is here or in the filters of the rule.
type TargetFilters struct {
	RequestHeaders  *HeaderChange
	ResponseHeaders *HeaderChange
	Auth            *Auth
	// Rewrite of what it gets, in place of the same parts of Filters.Rewrite.
	Rewrite *Rewrite
}

// Picker is the endpoint picker that chooses the endpoint of each request of a pool
// (Gateway API Inference Extension, endpoint picker protocol).
type Picker struct {
	Cluster ClusterKey
	// FailOpen lets requests pass to any ready endpoint when the picker cannot be asked.
	FailOpen bool
	// ResponseBody streams response bodies through the picker as well.
	ResponseBody bool
	// Timeout is how long it may owe the pick, or the rest of a request that it was given, before it is treated as one that cannot
	// be asked. Zero: any time.
	Timeout time.Duration
}

// AskedBy returns the cluster that the proxy asks: the picker, or the relay in front of it that bounds its time.
func (p *Picker) AskedBy() ClusterKey {
	asked := p.Cluster
	asked.Relay = p.Timeout > 0
	return asked
}

// Filters change requests and responses of a whole rule.
type Filters struct {
	RequestHeaders  *HeaderChange
	ResponseHeaders *HeaderChange
	Rewrite         *Rewrite
	Mirrors         []Mirror
	CORS            *CORS
	Auth            *Auth
}

// HeaderChange is applied in the order set, add, remove.
type HeaderChange struct {
	Set, Add []Header
	Remove   []string
}

// Header is a name and a value.
type Header struct{ Name, Value string }

// Rewrite changes the request before it is forwarded.
type Rewrite struct {
	Hostname string // empty: unchanged
	Path     *PathRewrite
}

// PathRewrite replaces the full path or the matched prefix.
type PathRewrite struct {
	Prefix bool // replace the matched prefix; otherwise the full path
	Value  string
}

// Mirror sends a copy of a fraction of the requests to a backend and ignores its answers.
type Mirror struct {
	Cluster     ClusterKey
	Numerator   uint32
	Denominator uint32 // 100, 10,000 or 1,000,000
}

// CORS answers preflight requests and decorates responses (Gateway API HTTPCORSFilter).
type CORS struct {
	AllowOrigins     []string // exact, with "*" in the host part, or "*"
	AllowMethods     []string
	AllowHeaders     []string
	ExposeHeaders    []string
	AllowCredentials bool
	MaxAge           time.Duration
}

// Timeouts of a rule. Nil means the default, zero means none.
type Timeouts struct {
	Request        *time.Duration // whole request, retries included
	BackendRequest *time.Duration // one attempt
	Idle           *time.Duration // silence on the stream
}

// Retry of a rule.
type Retry struct {
	Attempts uint32 // retries after the first attempt
	Codes    []uint32
	Backoff  time.Duration // zero: the default of the proxy
}

// Redirect answers with a Location. Empty fields keep the part of the request.
type Redirect struct {
	Scheme, Hostname string
	Path             *PathRewrite
	// Port as the user gave it. Zero: the one of Scheme if that is given, else the one of
	// the listener (Gateway API HTTPRequestRedirectFilter.port).
	Port            uint32
	StatusCode      uint32
	ResponseHeaders *HeaderChange
	Auth            *Auth
}

// Respond answers directly. The reason is for the access log; empty: the answer is what the user asked for.
type Respond struct {
	StatusCode uint32
	Body       string
	Reason     string
}

func (*Forward) isAction()  {}
func (*Redirect) isAction() {}
func (*Respond) isAction()  {}
