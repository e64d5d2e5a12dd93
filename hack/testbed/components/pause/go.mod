// The container that holds a pod's namespaces.
module github.com/kedify/inference-gateway/hack/testbed/components/pause

go 1.26.0

toolchain go1.27.3
