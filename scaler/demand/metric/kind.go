package metric

import "github.com/kedify/inference-gateway/api/v1alpha1"

// Kind is what is known of a type of metric before a trigger asks for it.
type Kind struct {
	// Type in the API, and as triggers write it.
	Type v1alpha1.MetricType
	// Name in KEDA's protocol, and so in the HPA.
	Name string
	// Level: the value is that of one replica (a mean or a quantile) and not the sum over all of them. KEDA gets it times the
	// ready replicas, see package keda.
	Level bool
	// Served: this build counts it. Triggers are refused that ask for another, and its keys have no effect.
	Served bool
}

// Kinds returns all kinds, in the order in which messages and pages name them. It is the one place that says which are served.
func Kinds() []Kind {
	return []Kind{
		{Type: v1alpha1.RequestRate, Name: RequestRateName, Served: true},
		{Type: v1alpha1.Concurrency, Name: ConcurrencyName, Served: true},
		{Type: v1alpha1.TokenRate, Name: TokenRateName, Served: true},
		{Type: v1alpha1.QueueDepth, Name: "http-queue-depth", Served: true},
		{Type: v1alpha1.KVCache, Name: "http-kv-cache", Level: true, Served: true},
		{Type: v1alpha1.TTFT, Name: TTFTName, Level: true, Served: true},
	}
}

// KindOf returns the kind of a type. An unknown type, which admission refuses, is the request rate, as in Table.Of.
func KindOf(of v1alpha1.MetricType) Kind {
	kinds := Kinds()
	for _, kind := range kinds {
		if kind.Type == of {
			return kind
		}
	}
	return kinds[0]
}
