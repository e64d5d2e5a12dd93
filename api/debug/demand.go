package debug

// Demand is what one replica knows about the demand of one HTTPScaler.
type Demand struct {
	// Key is the namespace/name of the HTTPScaler.
	Key    string `json:"key"`
	Metric string `json:"metric,omitempty"`
	// Unknown says why the demand is not known, and KEDA gets an error. Rate and the others
	// are what is known as well.
	Unknown     string  `json:"unknown,omitempty"`
	Value       float64 `json:"value"`
	Rate        float64 `json:"rate"`
	Concurrency float64 `json:"concurrency"`
	InFlight    uint64  `json:"inFlight"`
	Active      bool    `json:"active"`
	LastGood    bool    `json:"lastGood,omitempty"`
	// LastArrival is how long ago a request arrived; empty: none is known of.
	LastArrival string `json:"lastArrival,omitempty"`
	// Requests were counted since this replica began.
	Requests uint64 `json:"requests"`
	// Held is over all replicas, HeldBy what each holds; "" is this one.
	Held    int             `json:"held"`
	HeldBy  map[string]int  `json:"heldBy,omitempty"`
	Proxies []ProxyCounters `json:"proxies"`
}

// ProxyCounters are what one Envoy counted for one HTTPScaler.
type ProxyCounters struct {
	Gateway string `json:"gateway"`
	Node    string `json:"node"`
	// Replica receives the reports of the Envoy; empty: this one.
	Replica string `json:"replica,omitempty"`
	Heard   bool   `json:"heard"`
	// Age is how long ago its last report was.
	Age      string `json:"age"`
	Requests uint64 `json:"requests"`
	Retries  uint64 `json:"retries,omitempty"`
	InFlight uint64 `json:"inFlight"`
}

// Asked is the last poll of KEDA about one HTTPScaler at one replica.
type Asked struct {
	// Key is the namespace/name of the HTTPScaler.
	Key string `json:"key"`
	// Ago is how long ago it was, such as "2.5s".
	Ago string `json:"ago"`
	// Answer is a number, "active", "not active", or "unknown: " and why.
	Answer string `json:"answer"`
}

// Queue is the demand of one HTTPScaler in the form that users of the vendor's interceptor know.
type Queue struct {
	Concurrency float64 `json:"Concurrency"`
	RPS         float64 `json:"RPS"`
}

// EnvoyMetricsMap has the HTTPScalers (namespace/name) that each cluster of a user's own Envoy
// counts for, by the name of the cluster.
type EnvoyMetricsMap map[string][]string
