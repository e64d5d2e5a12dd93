package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/kedify/inference-gateway/internal/httpserve"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// Paths, as the chart's configurations name them.
const (
	ValidatePath = "/validate"
	MutatePath   = "/mutate"
)

const (
	// linger is how long a Server goes on after its context ended: the API server may not have
	// heard of it yet, and what it asks must be answered.
	linger = 3 * time.Second
	// maxAnswer bounds an answer; the chart gives the API server little more patience.
	maxAnswer = 2 * time.Second
)

// bounds of one address, because each program that reaches the port is answered: the API server shows no certificate. A review
// has an object before and after a change, of which etcd takes 1.5 MiB each.
var bounds = httpserve.Bounds{Requests: 64, Body: 4 << 20, Bodies: 16 << 20}

// Options of a Server.
type Options struct {
	// TLS has our serving certificate (certs.Keeper.ServerTLS). Client certificates, which it
	// asks for, are not: API servers show none unless they are told to.
	TLS *tls.Config
	// Reader finds InferencePools and Services, to warn of selectors that differ; a cache. Nil:
	// no warnings.
	Reader client.Reader
	// ScalerAddress is where KEDA reaches our scaler, host:port.
	ScalerAddress string
	// Autowire: foreign objects are pointed at the proxies. Otherwise triggers that ask for it are warned.
	Autowire bool
	// Authentication that triggers of this product refer to.
	Authentication trigger.Authentication
	Clock          clock.Clock
	Metrics        *Metrics // nil: nothing is exported
	Log            logr.Logger
}

// Server answers the API server.
type Server struct {
	options Options
	handler http.Handler
}

// NewServer returns a Server; Serve serves.
func NewServer(options Options) *Server {
	if options.Metrics == nil {
		options.Metrics = NewMetrics()
	}
	mux := http.NewServeMux()
	for path, handler := range map[string]admission.Handler{
		ValidatePath: &counted{Handler: &validator{options: options}, webhook: "validate", metrics: options.Metrics},
		MutatePath:   &counted{Handler: &mutator{options: options}, webhook: "mutate", metrics: options.Metrics},
	} {
		mux.Handle(path, &admission.Webhook{Handler: handler})
	}
	return &Server{options: options, handler: http.TimeoutHandler(bounds.Handler(mux), maxAnswer, "")}
}

// Serve serves until the context ends, and a moment longer. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := httpserve.Server(s.handler)
	server.TLSConfig = withoutClients(s.options.TLS)
	server.ErrorLog = log.New(writer{s.options.Log}, "", 0)
	stopped := make(chan error, 1)
	go func() { stopped <- server.ServeTLS(httpserve.Listener(listener), "", "") }()
	select {
	case err := <-stopped:
		return fmt.Errorf("admission: %w", err)
	case <-ctx.Done():
	}
	<-s.options.Clock.After(linger)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxAnswer)
	defer cancel()
	if err := server.Shutdown(end); err != nil {
		_ = server.Close() // the clients that are still sending had their time
	}
	if err := <-stopped; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admission: %w", err)
	}
	return nil
}

// withoutClients makes a configuration ask for no client certificate.
func withoutClients(config *tls.Config) *tls.Config {
	open := func(config *tls.Config) *tls.Config {
		clone := config.Clone()
		clone.ClientAuth, clone.ClientCAs = tls.NoClientCert, nil
		clone.NextProtos = []string{"h2", "http/1.1"}
		return clone
	}
	server := open(config)
	if config.GetConfigForClient != nil {
		server.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			current, err := config.GetConfigForClient(hello)
			if err != nil || current == nil {
				return nil, err
			}
			return open(current), nil
		}
	}
	return server
}

// writer takes what net/http complains of, handshakes that failed mostly.
type writer struct{ log logr.Logger }

func (w writer) Write(line []byte) (int, error) {
	w.log.V(1).Info("connection failed", "reason", strings.TrimSpace(string(line)))
	return len(line), nil
}
