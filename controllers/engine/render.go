package engine

import (
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// renderer is package translate, as functions that tests can let fail.
type renderer struct {
	host      func(ir.Host) (scope, routes resource.Resource, err error)
	wildcards func(ir.Wildcards) (scope, routes resource.Resource, err error)
	listener  func(ir.Listener) (resource.Resource, error)
	cluster   func(ir.Cluster) (resource.Resource, error)
	endpoints func(ir.Endpoints) (resource.Resource, error)
	secret    func(ir.Secret) (resource.Resource, error)
}

func newRenderer() renderer {
	return renderer{
		host: translate.Host, wildcards: translate.Wildcards, listener: translate.Listener,
		cluster: translate.Cluster, endpoints: translate.Endpoints, secret: translate.Secret,
	}
}
