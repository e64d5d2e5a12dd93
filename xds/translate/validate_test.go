package translate_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/internal/golden"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// TestEnvoyAcceptsGoldens loads every golden case into a real Envoy: the bootstrap of the
// product with all resources of the case made static, tables and scopes included.
func TestEnvoyAcceptsGoldens(t *testing.T) {
	binary := proxytest.Binary(t)
	for _, c := range golden.Load(t, "testdata") {
		t.Run(c.Name, func(t *testing.T) {
			if output, err := validate(t, binary, rendered(t, c)); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

// TestEnvoyRejects proves that the check above can fail.
func TestEnvoyRejects(t *testing.T) {
	binary := proxytest.Binary(t)
	scope, table, err := translate.Host(ir.Host{Chain: "80", Hostname: "a.test", Routes: []ir.Route{
		route("bad", ir.Match{Path: ir.PathMatch{Kind: ir.PathRegex, Value: "[a"}}, &ir.Respond{StatusCode: 200})}})
	if err != nil {
		t.Fatal(err)
	}
	if output, err := validate(t, binary, []resource.Resource{scope, table}); err == nil || !strings.Contains(output, "missing ]") {
		t.Errorf("a broken expression was accepted: %v %s", err, output)
	}
}

func validate(t *testing.T, binary string, resources []resource.Resource) (string, error) {
	t.Helper()
	directory := t.TempDir()
	keys := proxytest.NewKeys(t)
	certificate, key := keys.Issue(t, "proxy.test")
	files, err := bootstrap.Files(bootstrap.Config{
		Gateway: ir.Key{Namespace: "infra", Name: "main"}, Directory: directory,
		ServerAddress: "localhost", ServerPort: 1, ServerName: "xds.test",
		CertificateDirectory: directory, AdminSocket: filepath.Join(directory, "admin.sock"), MaxHeapBytes: 1 << 30,
	})
	if err != nil {
		t.Fatal(err)
	}
	files["ca.crt"], files["tls.crt"], files["tls.key"] = keys.CA, certificate, key
	// Envoy looks for the files that a resource names.
	files[bootstrap.BootstrapFile] = bytes.ReplaceAll(static(t, files[bootstrap.BootstrapFile], resources),
		[]byte(bootstrap.Directory+"/"), []byte(directory+"/"))
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(directory, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	output, err := exec.Command(binary, append(bootstrap.Args(directory, "test/proxy"), "--mode", "validate")...).CombinedOutput()
	return string(output), err
}

// static adds resources to a bootstrap.
func static(t *testing.T, base []byte, resources []resource.Resource) []byte {
	t.Helper()
	data, err := yaml.YAMLToJSON(base)
	if err != nil {
		t.Fatal(err)
	}
	boot := &bootstrapv3.Bootstrap{}
	if err := protojson.Unmarshal(data, boot); err != nil {
		t.Fatal(err)
	}
	tables := map[string]*routev3.RouteConfiguration{}
	var scopes []*routev3.ScopedRouteConfiguration
	for _, r := range resources {
		message, err := (&anypb.Any{TypeUrl: string(r.Type), Value: r.Body}).UnmarshalNew()
		if err != nil {
			t.Fatal(err)
		}
		switch message := message.(type) {
		case *listenerv3.Listener:
			boot.StaticResources.Listeners = append(boot.StaticResources.Listeners, message)
		case *clusterv3.Cluster:
			boot.StaticResources.Clusters = append(boot.StaticResources.Clusters, message)
		case *endpointv3.ClusterLoadAssignment:
			boot.StaticResources.Clusters = append(boot.StaticResources.Clusters, &clusterv3.Cluster{
				Name:                 "endpoints " + message.ClusterName,
				ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
				LoadAssignment:       message,
			})
		case *tlsv3.Secret:
			boot.StaticResources.Secrets = append(boot.StaticResources.Secrets, message)
		case *routev3.ScopedRouteConfiguration:
			scopes = append(scopes, message)
		case *routev3.RouteConfiguration:
			message.ValidateClusters = wrapperspb.Bool(false) // as for tables that arrive by RDS
			tables[message.Name] = message
		default:
			t.Fatalf("unexpected %T", message)
		}
	}
	boot.StaticResources.Listeners = append(boot.StaticResources.Listeners, carrier(t, scopes, tables)...)
	out, err := protojson.Marshal(boot)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// carrier is a listener that holds all scopes with their tables inline.
func carrier(t *testing.T, scopes []*routev3.ScopedRouteConfiguration,
	tables map[string]*routev3.RouteConfiguration) []*listenerv3.Listener {
	t.Helper()
	if len(scopes) == 0 {
		return nil
	}
	var inline []*routev3.ScopedRouteConfiguration
	for _, scope := range scopes {
		scope.RouteConfiguration = tables[scope.RouteConfigurationName]
		scope.RouteConfigurationName = ""
		if scope.RouteConfiguration == nil {
			t.Fatalf("scope %s has no table", scope.Name)
		}
		inline = append(inline, scope)
	}
	port := proxytest.Port(t)
	r, err := translate.Listener(ir.Listener{Port: uint32(port), Transport: ir.TCP, Chains: []ir.Chain{{ID: strconv.Itoa(port)}}})
	if err != nil {
		t.Fatal(err)
	}
	listener, manager := &listenerv3.Listener{}, &hcmv3.HttpConnectionManager{}
	if err := proto.Unmarshal(r.Body, listener); err != nil {
		t.Fatal(err)
	}
	filter := listener.FilterChains[0].Filters[0]
	if err := filter.GetTypedConfig().UnmarshalTo(manager); err != nil {
		t.Fatal(err)
	}
	manager.GetScopedRoutes().ConfigSpecifier = &hcmv3.ScopedRoutes_ScopedRouteConfigurationsList{
		ScopedRouteConfigurationsList: &hcmv3.ScopedRouteConfigurationsList{ScopedRouteConfigurations: inline},
	}
	config, err := anypb.New(manager)
	if err != nil {
		t.Fatal(err)
	}
	filter.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: config}
	return []*listenerv3.Listener{listener}
}
