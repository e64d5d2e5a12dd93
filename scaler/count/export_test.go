package count

import (
	"k8s.io/apimachinery/pkg/types"
)

// Take has a stream of a proxy of the product take messages, without a server.
func (s *Service) Take(gateway types.NamespacedName) (take func([]byte) error, end func()) {
	st := s.stream(gateway)
	return st.take, st.end
}

// Take has a stream of an external Envoy take messages, without a server.
func (x *External) Take(namespace, address string) (take func([]byte) error, end func()) {
	st := &externalStream{service: x, namespace: namespace, address: address, clusters: map[string]*cluster{}}
	return st.take, st.end
}

// MaxSplit is how many refused proxies of a gateway are remembered.
const MaxSplit = maxSplit

// Remembered returns how many proxies of a gateway are remembered.
func (s *Service) Remembered(gateway types.NamespacedName) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.gateways[gateway]
	return len(of.proxies) + len(of.split)
}
