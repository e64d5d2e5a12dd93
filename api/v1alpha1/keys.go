package v1alpha1

// Names that users meet in manifests and in `kubectl get`.
const (
	// GroupName is the group of our CRDs and the prefix of our labels and annotations.
	GroupName = "gateway.kedify.io"
	// ControllerName is what GatewayClass.spec.controllerName selects.
	ControllerName = "kedify.io/gateway-controller"
	// GatewayClassName is the class that the chart installs.
	GatewayClassName = "kedify"
	// ProxyGatewayName is the Gateway of a namespace that serves the routes of its triggers.
	ProxyGatewayName = "kedify-proxy"
	// InstallationParametersPrefix and a namespace are the name of GatewayParameters in the namespace of
	// the installation: what the values of the installation say about the Gateway ProxyGatewayName of
	// that namespace, and the namespace itself may not.
	InstallationParametersPrefix = ProxyGatewayName + "."
	// ValuesProblemAnnotation on the GatewayParameters of a generated Gateway says what is wrong with
	// the values of the installation, and why the parameters are those of before.
	ValuesProblemAnnotation = GroupName + "/values-problem"
	// HTTPScalerLabel on a generated route names the HTTPScaler that its requests count for.
	HTTPScalerLabel = GroupName + "/http-scaler"
	// WiredServiceAnnotation with the value "true" on a ScaledObject asks for wired Services without
	// rewriting any object: a user names them in Git.
	WiredServiceAnnotation = GroupName + "/wired-service"
	// WiresAnnotation on a wired Service names the Service or InferencePool that it stands for.
	WiresAnnotation = GroupName + "/wires"
	// OriginalBackendsAnnotation on a foreign object maps names of wired Services to the references
	// that they replaced, as JSON.
	OriginalBackendsAnnotation = GroupName + "/original-backends"
	// UnreadableAnnotation is on an object in memory of which a field cannot be read, and says why: the API server
	// admits values that the Go type of the field does not hold. A route with it is refused.
	UnreadableAnnotation = GroupName + "/unreadable"
)
