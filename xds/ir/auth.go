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
