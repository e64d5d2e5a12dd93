package standby

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"reflect"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/keda"
)

// connectionAge is how long KEDA talks to a standby before it looks for a controller again.
const connectionAge = 20 * time.Second

// Options of a Server.
type Options struct {
	// TLS of the port, as the controllers have it for KEDA. Nil: plaintext.
	TLS *tls.Config
	// ConnectionAge bounds the life of connections; 20 s unless set.
	ConnectionAge time.Duration
	// Metrics of what KEDA asks; nil: none are kept.
	Metrics *keda.Metrics
}

// Server is KEDA's external scaler without a demand. Serve may be called once.
type Server struct {
	catalog *scaler.Catalog
	keda    *keda.Server
}

// New returns a server that does not listen yet.
func New(options Options) *Server {
	if options.ConnectionAge == 0 {
		options.ConnectionAge = connectionAge
	}
	catalog := scaler.NewCatalog()
	return &Server{catalog: catalog, keda: keda.New(keda.Options{
		Catalog: catalog, Registry: noDemand{}, TLS: options.TLS, ConnectionAge: options.ConnectionAge, Metrics: options.Metrics,
	})}
}

// Set takes an HTTPScaler that came or changed.
func (s *Server) Set(object *v1alpha1.HTTPScaler) {
	key := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	now := &scaler.Scaler{Key: key, Spec: object.Spec, Path: scaler.PathOf(object.Status)}
	if reflect.DeepEqual(s.catalog.Get(key), now) {
		return // the demand in the status changes every ten seconds
	}
	s.catalog.Set(key, now)
}

// Delete takes an HTTPScaler that is gone.
func (s *Server) Delete(key types.NamespacedName) { s.catalog.Set(key, nil) }

// Serve accepts connections until the context ends. It closes the listener.
func (s *Server) Serve(ctx context.Context, accept net.Listener) error {
	return s.keda.Serve(ctx, accept)
}

// noDemand is a keda.Registry that knows nothing.
type noDemand struct{}

var errNoController = fmt.Errorf("%w: no controller is ready, and a standby answers", demand.ErrUnknown)

func (noDemand) Read(types.NamespacedName) (demand.Reading, error) {
	return demand.Reading{}, errNoController
}

func (noDemand) Wake(types.NamespacedName) (<-chan struct{}, func()) { return nil, func() {} }
