package v1alpha1

// Names that users meet (product.md, "The vocabulary").
const (
	// GroupName is the group of our CRDs and the prefix of our labels and annotations.
	GroupName = "gateway.kedify.io"
	// ControllerName is what GatewayClass.spec.controllerName selects.
	ControllerName = "kedify.io/gateway-controller"
	// GatewayClassName is the class that the chart installs.
	GatewayClassName = "kedify"
)
