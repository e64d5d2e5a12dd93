package store

import (
	"slices"

	certificatesv1 "k8s.io/api/certificates/v1"
	certificatesv1alpha1 "k8s.io/api/certificates/v1alpha1"
	certificatesv1beta1 "k8s.io/api/certificates/v1beta1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Kind names a kind of object the store holds.
type Kind string

const (
	GatewayClass       Kind = "GatewayClass"
	Gateway            Kind = "Gateway"
	ListenerSet        Kind = "ListenerSet"
	HTTPRoute          Kind = "HTTPRoute"
	GRPCRoute          Kind = "GRPCRoute"
	TLSRoute           Kind = "TLSRoute"
	TCPRoute           Kind = "TCPRoute"
	UDPRoute           Kind = "UDPRoute"
	ReferenceGrant     Kind = "ReferenceGrant"
	BackendTLSPolicy   Kind = "BackendTLSPolicy"
	InferencePool      Kind = "InferencePool"
	GatewayParameters  Kind = "GatewayParameters"
	HTTPScaler         Kind = "HTTPScaler"
	Namespace          Kind = "Namespace"
	Service            Kind = "Service"
	EndpointSlice      Kind = "EndpointSlice"
	Pod                Kind = "Pod"
	Secret             Kind = "Secret"
	ConfigMap          Kind = "ConfigMap"
	ClusterTrustBundle Kind = "ClusterTrustBundle"
	// XBackend and XBackendTrafficPolicy are not supported; their statuses say so.
	XBackend              Kind = "XBackend"
	XBackendTrafficPolicy Kind = "XBackendTrafficPolicy"
	// XTelemetryPolicy says how requests of Gateways are traced (GEP-4768).
	XTelemetryPolicy Kind = "XTelemetryPolicy"
)

// Index names a reverse index.
type Index string

const (
	// ByGateway: ListenerSets, XTelemetryPolicies and data-plane Services by the "namespace/name" of their Gateway.
	ByGateway Index = "gateway"
	// ByClass: Gateways by the name of their GatewayClass.
	ByClass Index = "class"
	// ByNamespace: objects by namespace.
	ByNamespace Index = "namespace"
	// ByService: EndpointSlices and BackendTLSPolicies by the "namespace/name" of the Service.
	ByService Index = "service"
	// ByBackend: HTTPScalers by the "kind namespace/name" of what their requests go to.
	ByBackend Index = "backend"
	// ByLabel: Pods by "namespace/label=value", one entry per label.
	ByLabel Index = "label"
)

// Row describes one kind: everything that differs between kinds stands here, once.
type Row struct {
	Kind Kind
	New  func() client.Object
	// Indexes returns the values under which an object is found, by index.
	Indexes map[Index]func(client.Object) []string
	// Same reports whether two versions mean the same; their UIDs and labels are equal. Nil:
	// they do when generation and annotations are equal, as of a custom resource with a status
	// subresource.
	Same func(a, b client.Object) bool
	// Trim removes what is never read; nil: nothing but the managed fields.
	Trim func(client.Object)
	// Older are empty objects of the kind in older versions, the newest first, for API servers that do not serve that
	// of New: a kind of Kubernetes itself, which has no CRD. Current takes them.
	Older []func() client.Object
	// Optional kinds may be absent from the API server (their CRD is not installed).
	Optional bool
	// Contextual kinds change what objects of other kinds mean: without its policies a backend gets
	// plain text. A replica that cannot list one must not publish.
	Contextual bool
	// Dispensable kinds came with a later chart than the others: a replica whose roles are those of an older one, after a rollback of
	// the roles, say, may not list them and serves without. What refers to their objects finds none.
	Dispensable bool
}

// Rows lists every kind the control plane watches.
var Rows = []Row{
	{Kind: GatewayClass, New: func() client.Object { return &gwv1.GatewayClass{} }},
	{Kind: Gateway, New: func() client.Object { return &gwv1.Gateway{} },
		Indexes: map[Index]func(client.Object) []string{ByClass: gatewayClass}},
	{Kind: ListenerSet, New: func() client.Object { return &gwv1.ListenerSet{} }, Optional: true,
		Indexes: map[Index]func(client.Object) []string{ByGateway: listenerSetGateway}},
	{Kind: HTTPRoute, New: func() client.Object { return &gwv1.HTTPRoute{} }},
	{Kind: GRPCRoute, New: func() client.Object { return &gwv1.GRPCRoute{} }, Optional: true},
	{Kind: TLSRoute, New: func() client.Object { return &gwv1.TLSRoute{} }, Optional: true},
	{Kind: TCPRoute, New: func() client.Object { return &gwv1.TCPRoute{} }, Optional: true},
	{Kind: UDPRoute, New: func() client.Object { return &gwv1.UDPRoute{} }, Optional: true},
	{Kind: ReferenceGrant, New: func() client.Object { return &gwv1.ReferenceGrant{} },
		Indexes: map[Index]func(client.Object) []string{ByNamespace: namespace}},
	{Kind: BackendTLSPolicy, New: func() client.Object { return &gwv1.BackendTLSPolicy{} }, Optional: true, Contextual: true,
		Indexes: map[Index]func(client.Object) []string{ByService: policyServices}},
	{Kind: InferencePool, New: func() client.Object { return &inferencev1.InferencePool{} }, Optional: true},
	{Kind: GatewayParameters, New: func() client.Object { return &v1alpha1.GatewayParameters{} }, Optional: true, Contextual: true},
	{Kind: HTTPScaler, New: func() client.Object { return &v1alpha1.HTTPScaler{} }, Same: sameScaler, Optional: true, Contextual: true,
		Indexes: map[Index]func(client.Object) []string{ByBackend: scalerBackend}},
	{Kind: Namespace, New: func() client.Object { return &corev1.Namespace{} }, Same: always, Trim: trimMeta},
	{Kind: Service, New: func() client.Object { return &corev1.Service{} }, Same: sameService, Trim: trimMeta,
		Indexes: map[Index]func(client.Object) []string{ByGateway: dataPlaneGateway}},
	{Kind: EndpointSlice, New: func() client.Object { return &discoveryv1.EndpointSlice{} }, Same: sameSlice, Trim: trimMeta,
		Indexes: map[Index]func(client.Object) []string{ByService: sliceService}},
	{Kind: Pod, New: func() client.Object { return &corev1.Pod{} }, Same: samePod, Trim: trimPod,
		Indexes: map[Index]func(client.Object) []string{ByLabel: labelPairs}},
	{Kind: Secret, New: func() client.Object { return &corev1.Secret{} }, Same: sameSecret, Trim: trimSecret},
	{Kind: ConfigMap, New: func() client.Object { return &corev1.ConfigMap{} }, Same: sameConfigMap, Trim: trimConfigMap},
	{Kind: XBackend, New: func() client.Object { return &gwxv1.XBackend{} }, Optional: true, Dispensable: true},
	{Kind: XBackendTrafficPolicy, New: func() client.Object { return &gwxv1.XBackendTrafficPolicy{} }, Optional: true, Dispensable: true},
	// Contextual: a change of tracing drains connections, so what is not known yet must not be taken for none.
	{Kind: XTelemetryPolicy, New: func() client.Object { return &gwxv1.XTelemetryPolicy{} },
		Optional: true, Contextual: true, Dispensable: true,
		Indexes: map[Index]func(client.Object) []string{ByGateway: telemetryGateways}},
	// v1 from Kubernetes 1.37 on; before, behind a feature gate (KEP-3257).
	{Kind: ClusterTrustBundle, New: func() client.Object { return &certificatesv1.ClusterTrustBundle{} }, Same: sameTrustBundle,
		Trim: trimMeta, Optional: true, Contextual: true, Dispensable: true,
		Older: []func() client.Object{
			func() client.Object { return &certificatesv1beta1.ClusterTrustBundle{} },
			func() client.Object { return &certificatesv1alpha1.ClusterTrustBundle{} },
		}},
}

// RowOf returns the row of a kind.
func RowOf(kind Kind) (row Row, ok bool) {
	for _, row := range Rows {
		if row.Kind == kind {
			return row, true
		}
	}
	return Row{}, false
}

// Dispensable returns an empty object of each kind, in each version, whose rows are Dispensable.
func Dispensable() (objects []client.Object) {
	for _, row := range Rows {
		if !row.Dispensable {
			continue
		}
		for _, newObject := range append([]func() client.Object{row.New}, row.Older...) {
			objects = append(objects, newObject())
		}
	}
	return objects
}

func namespace(object client.Object) []string { return []string{object.GetNamespace()} }

func gatewayClass(object client.Object) []string {
	return []string{string(object.(*gwv1.Gateway).Spec.GatewayClassName)}
}

func listenerSetGateway(object client.Object) []string {
	set := object.(*gwv1.ListenerSet)
	key := types.NamespacedName{Namespace: set.Namespace, Name: string(set.Spec.ParentRef.Name)}
	if set.Spec.ParentRef.Namespace != nil {
		key.Namespace = string(*set.Spec.ParentRef.Namespace)
	}
	return []string{key.String()}
}

func telemetryGateways(object client.Object) []string {
	policy := object.(*gwxv1.XTelemetryPolicy)
	var gateways []string
	for _, target := range policy.Spec.TargetRefs {
		value := types.NamespacedName{Namespace: policy.Namespace, Name: string(target.Name)}.String()
		isGateway := target.Group == gwv1.GroupName && string(target.Kind) == string(Gateway)
		if isGateway && !slices.Contains(gateways, value) {
			gateways = append(gateways, value)
		}
	}
	return gateways
}

// dataPlaneGateway finds the Services that the product itself made for a Gateway. The label
// holds the name as names.LabelValue gives it; DataPlaneServices asks for the same.
func dataPlaneGateway(object client.Object) []string {
	name, ok := object.GetLabels()[gwv1.GatewayNameLabelKey]
	if !ok {
		return nil
	}
	return []string{types.NamespacedName{Namespace: object.GetNamespace(), Name: name}.String()}
}

func policyServices(object client.Object) []string {
	policy := object.(*gwv1.BackendTLSPolicy)
	var services []string
	for _, target := range policy.Spec.TargetRefs {
		services = append(services, types.NamespacedName{Namespace: policy.Namespace, Name: string(target.Name)}.String())
	}
	return services
}

// scalerBackend finds the triggers whose requests go to a Service or, when they name one, to an
// InferencePool.
func scalerBackend(object client.Object) []string {
	scaler := object.(*v1alpha1.HTTPScaler)
	backend := scaler.Spec.Backend
	switch {
	case backend.InferencePool != "":
		return []string{backendValue(InferencePool, types.NamespacedName{Namespace: scaler.Namespace, Name: backend.InferencePool})}
	case backend.Service != "":
		return []string{backendValue(Service, types.NamespacedName{Namespace: scaler.Namespace, Name: backend.Service})}
	}
	return nil
}

func backendValue(kind Kind, key types.NamespacedName) string {
	return string(kind) + " " + key.String()
}

func sliceService(object client.Object) []string {
	name, ok := object.GetLabels()[discoveryv1.LabelServiceName]
	if !ok {
		return nil
	}
	return []string{types.NamespacedName{Namespace: object.GetNamespace(), Name: name}.String()}
}

func labelPairs(object client.Object) []string {
	pairs := make([]string, 0, len(object.GetLabels()))
	for name, value := range object.GetLabels() {
		pairs = append(pairs, LabelValue(object.GetNamespace(), name, value))
	}
	return pairs
}

// LabelValue is the value of one label in the ByLabel index.
func LabelValue(namespace, name, value string) string { return namespace + "/" + name + "=" + value }
