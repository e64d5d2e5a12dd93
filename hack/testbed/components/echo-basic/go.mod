// The echo backend of the Gateway API conformance suite.
module github.com/kedify/inference-gateway/hack/testbed/components/echo-basic

go 1.26.0

toolchain go1.27.3

tool sigs.k8s.io/gateway-api/conformance/echo-basic

require (
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260904194346-d0f1323225a4 // indirect
	google.golang.org/grpc v1.85.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
	sigs.k8s.io/gateway-api/conformance v1.6.3 // indirect
)
