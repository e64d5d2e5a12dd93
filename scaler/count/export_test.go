package count

import (
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Take has a stream of a proxy of ours take messages, without a server.
func (s *Service) Take(gateway ir.Key) (take func([]byte) error, end func()) {
	st := &stream{service: s, proxy: demand.Proxy{Gateway: gateway}, slots: map[string]*slot{}, counts: map[ir.Key]demand.Counts{}}
	return st.take, st.end
}

// Take has a stream of an external Envoy take messages, without a server.
func (x *External) Take(address string) (take func([]byte) error, end func()) {
	st := &externalStream{service: x, address: address, clusters: map[string]*cluster{}}
	return st.take, st.end
}
