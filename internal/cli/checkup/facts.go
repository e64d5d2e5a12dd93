package checkup

import (
	"time"

	"github.com/kedify/inference-gateway/internal/cli/chain"
)

// Facts are what is known of an installation. A Failure says why something is not known.
type Facts struct {
	Now time.Time
	// System is the namespace of the installation.
	System     string
	Kubernetes Version
	CRDs       []CRD
	// KEDA is its operator; without triggers of the product it need not be there.
	KEDA Workload
	// Replicas of the control plane.
	Replicas []Replica
	Leader   Leader
	// Views says which replicas answered.
	Views    chain.Views
	Webhooks []Webhook
	// Gateways of the product, and Triggers.
	Gateways []Gateway
	Triggers []Trigger
	// Counters are the numbers of replicas since they began, summed; nil: none could be read, as CountersFailure says.
	Counters        map[string]float64
	CountersFailure string
	// Unread are kinds and objects that could not be read, with why.
	Unread []string
}

// Version of a component.
type Version struct{ Version, Failure string }

// CRD is one that the product needs, or reads where it is there.
type CRD struct {
	Name string
	chain.Read
	// Optional ones may be missing.
	Optional bool
	// Bundle and Channel of Gateway API; empty for others.
	Bundle, Channel string
	// Wanted is the version that the product reads, Served and Stored those of the CRD.
	Wanted         string
	Served, Stored []string
}

// Workload is a Deployment.
type Workload struct {
	chain.Read
	// Version of its image.
	Version       string
	Wanted, Ready int32
}

// Replica is one Pod of the control plane.
type Replica struct {
	Pod   chain.Pod
	Image string
	// Restarts of its containers.
	Restarts int32
}

// Leader is the holder of the lease.
type Leader struct {
	chain.Read
	Holder  string
	Renewed time.Time
}

// Webhook is one of the installation.
type Webhook struct {
	Name string
	// Expiry of the CA that the API server verifies it with; zero: there is none, or it does not parse.
	Expiry time.Time
}

// Gateway is one of the product.
type Gateway struct {
	Name string
	// Connected proxies over all replicas.
	Connected int
	// Quarantined names each resource that proxies refuse and that is withheld, and the objects that it comes from, once.
	Quarantined []string
	// Pods of it, and the images of the product in them.
	Pods   []chain.Pod
	Images []string
}

// Trigger is one of the product.
type Trigger struct {
	Name string
	// Unknown says why its demand is not known; empty: it is. Heard is false where no replica said anything.
	Unknown string
	Heard   bool
	// Bypass is what leads to the application past the proxies; empty: nothing.
	Bypass string
	// KEDA is what KEDA says against the ScaledObject; empty: nothing.
	KEDA string
}
