package sweep

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/store"
)

// scaledObject is the kind whose objects are triggers; the engine does not know it.
const scaledObject = "ScaledObject"

// Kind is a kind of object that users write.
type Kind struct {
	Name string
	// module and file are where its CRD is: a Go module, or this repository when empty.
	module, file string
	// below is the part that is tried.
	below Path
	// owner: the object decides about the listeners that the neighbour is attached to.
	owner bool
	// generated: the product makes such objects; they are read, and not tried.
	generated bool
}

const (
	gatewayAPI = "sigs.k8s.io/gateway-api"
	extension  = "sigs.k8s.io/gateway-api-inference-extension"
	keda       = "github.com/kedacore/keda/v2"

	gatewayCRDs = "config/crd/experimental/gateway.networking.k8s.io_"

	experimentalCRDs = "config/crd/experimental/gateway.networking.x-k8s.io_"
)

var spec = Path{"spec"}

// Kinds lists the kinds that are tried.
var Kinds = []Kind{
	{Name: "HTTPRoute", module: gatewayAPI, file: gatewayCRDs + "httproutes.yaml", below: spec},
	{Name: "GRPCRoute", module: gatewayAPI, file: gatewayCRDs + "grpcroutes.yaml", below: spec},
	{Name: "TLSRoute", module: gatewayAPI, file: gatewayCRDs + "tlsroutes.yaml", below: spec},
	{Name: "TCPRoute", module: gatewayAPI, file: gatewayCRDs + "tcproutes.yaml", below: spec},
	{Name: "UDPRoute", module: gatewayAPI, file: gatewayCRDs + "udproutes.yaml", below: spec},
	{Name: "Gateway", module: gatewayAPI, file: gatewayCRDs + "gateways.yaml", below: spec, owner: true},
	{Name: "ListenerSet", module: gatewayAPI, file: gatewayCRDs + "listenersets.yaml", below: spec},
	{Name: "BackendTLSPolicy", module: gatewayAPI, file: gatewayCRDs + "backendtlspolicies.yaml", below: spec},
	{Name: "InferencePool", module: extension, file: "config/crd/bases/inference.networking.k8s.io_inferencepools.yaml", below: spec},
	{Name: "XTelemetryPolicy", module: gatewayAPI, file: experimentalCRDs + "xtelemetrypolicies.yaml", below: spec, owner: true},
	{Name: "GatewayParameters", file: "charts/kedify-gateway/crds/gateway.kedify.io_gatewayparameters.yaml", below: spec, owner: true},
	{Name: scaledObject, module: keda, file: "config/crd/bases/keda.sh_scaledobjects.yaml", below: Path{"spec", "triggers", 0, "metadata"}},
}

// generatedKinds are made by the product or by its administrator.
var generatedKinds = []Kind{
	{Name: "HTTPScaler", file: "charts/kedify-gateway/crds/gateway.kedify.io_httpscalers.yaml", below: spec, generated: true},
	{Name: "ReferenceGrant", module: gatewayAPI, file: gatewayCRDs + "referencegrants.yaml", below: spec, generated: true},
	{Name: "GatewayClass", module: gatewayAPI, file: gatewayCRDs + "gatewayclasses.yaml", below: spec, generated: true},
}

// Schemas are those of all kinds, by name.
type Schemas map[string]*Schema

// ReadSchemas reads the CRDs of all kinds. root is that of the repository.
func ReadSchemas(root string) (Schemas, error) {
	schemas, folders := Schemas{}, map[string]string{"": root}
	for _, kind := range append(append([]Kind(nil), Kinds...), generatedKinds...) {
		folder, known := folders[kind.module]
		if !known {
			command := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", kind.module)
			command.Dir = root
			text, err := command.Output()
			if err != nil {
				return nil, fmt.Errorf("find module %s: %w", kind.module, err)
			}
			folder = strings.TrimSpace(string(text))
			folders[kind.module] = folder
		}
		schema, err := ReadSchema(filepath.Join(folder, kind.file))
		if err != nil {
			return nil, err
		}
		schemas[kind.Name] = schema
	}
	describeMetadata(schemas[scaledObject])
	return schemas, nil
}

// empty is an object of the kind, as the informers of the controllers read it.
func (k Kind) empty() client.Object {
	if row, known := store.RowOf(store.Kind(k.Name)); known {
		return row.New()
	}
	return &kedav1alpha1.ScaledObject{}
}
