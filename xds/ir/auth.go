package ir

// Auth has a service decide about each request before anything else is done for it (Gateway API HTTPExternalAuthFilter).
type Auth struct {
	// Cluster is the authorization service. One of route protocol RouteGRPC speaks Envoy's authorization protocol, any other
	// one HTTP.
	Cluster ClusterKey
	// PathPrefix stands before the path of the request when the service is asked, over HTTP alone; empty: nothing.
	PathPrefix string
	// RequestHeaders are names, in lower case, of headers that the service is told. Over HTTP it is told Host, Content-Length and
	// Authorization as well; over gRPC none means all.
	RequestHeaders []string
	// ResponseHeaders are names, in lower case, of headers in the answer of the service that the backend gets, over HTTP alone;
	// none: all that are not about the answer itself.
	ResponseHeaders []string
	// MaxBody is how many bytes of a body the service is told. A request with more of them is refused. Zero: the service is
	// told none, and bodies of all sizes pass.
	MaxBody uint32
}

// MaxListenerFilters is how many filters a listener can have (Gateway API ListenerFilters.requests).
const MaxListenerFilters = 16

// ListenerFiltersField is where a listener has them, in words of the user.
const ListenerFiltersField = "filters.requests"

// ListenerFilters are what each request of a listener passes before a route is chosen for it (GEP-5224).
type ListenerFilters struct {
	// Auths are asked in this order. The next one sees what those before it have changed.
	Auths []*Auth
	// Source is the listener.
	Source Source
}

// EachCluster visits the authorization services; of nil, none.
func (f *ListenerFilters) EachCluster(visit func(ClusterKey)) {
	if f == nil {
		return
	}
	for _, auth := range f.Auths {
		visit(auth.Cluster)
	}
}

// GRPC reports whether the service speaks Envoy's authorization protocol.
func (a *Auth) GRPC() bool { return a.Cluster.Route == RouteGRPC }

// EachCluster visits the clusters that an action names. A cluster may be visited several times.
func EachCluster(action Action, visit func(ClusterKey)) {
	switch action := action.(type) {
	case *Forward:
		action.eachCluster(visit)
	case *Redirect:
		if action.Auth != nil {
			visit(action.Auth.Cluster)
		}
	}
}
