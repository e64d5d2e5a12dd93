package plane

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/peers"
	"github.com/kedify/inference-gateway/xds/server"
)

// replicasOf finds the other replicas: the Pods behind the Service of the xDS address, at the port
// that this one listens on.
func replicasOf(deps Deps) (peers.Slices, error) {
	_, port, err := net.SplitHostPort(deps.Options.XDSListen)
	if err != nil {
		return peers.Slices{}, fmt.Errorf("--xds-listen: %w", err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return peers.Slices{}, fmt.Errorf("--xds-listen: %w", err)
	}
	service, _, _ := strings.Cut(deps.Options.ServerNames()[0], ".")
	return peers.Slices{
		Reader: deps.API.Cache, Namespace: deps.Options.Namespace, Service: service, Port: int(number), Self: deps.Options.PodIP,
	}, nil
}

// dataPlaneConfig is what all data planes have in common.
func dataPlaneConfig(options controllers.Options) infra.Config {
	return infra.Config{
		EnvoyImage:   options.EnvoyImage,
		ProductImage: options.ProductImage,
		PullPolicy:   corev1.PullPolicy(options.PullPolicy),
		XDSAddress:   options.XDSTarget(),
		IPv6:         options.IPv6(),
	}
}

// kedaTLS is the TLS of KEDA's port: only KEDA's certificate is admitted. Nil: cleartext.
func kedaTLS(options controllers.Options, authority *certs.Keeper) *tls.Config {
	if !options.KEDATLS {
		return nil
	}
	return authority.ServerTLSFor(server.KEDAIdentity, options.ScalerNames()...)
}
