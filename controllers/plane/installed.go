package plane

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
)

// ofGatewayAPI reports whether a CRD is of the Gateway API. The name of a CRD is <plural>.<group>;
// the API server sees to it.
func ofGatewayAPI(crd client.Object) bool {
	_, group, _ := strings.Cut(crd.GetName(), ".")
	return group == gwv1.GroupName
}

// installedCRDs are the CRDs of the Gateway API by name. The watcher calls its methods one at a
// time; each reports all CRDs.
type installedCRDs struct {
	report func(class.Installed)
	known  map[string]class.CRD
}

func (c *installedCRDs) set(_, crd *metav1.PartialObjectMetadata) {
	annotations := crd.GetAnnotations()
	c.known[crd.GetName()] = class.CRD{
		Bundle: annotations[class.BundleAnnotation], Channel: annotations[class.ChannelAnnotation],
	}
	c.reportAll()
}

func (c *installedCRDs) delete(crd *metav1.PartialObjectMetadata) {
	delete(c.known, crd.GetName())
	c.reportAll()
}

func (c *installedCRDs) reportAll() {
	all := make(class.Installed, 0, len(c.known))
	for _, crd := range c.known {
		all = append(all, crd)
	}
	c.report(all)
}
