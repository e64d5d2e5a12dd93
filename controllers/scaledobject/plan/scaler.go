package plan

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

func (c *candidate) scaler() *v1alpha1.HTTPScaler {
	return &v1alpha1.HTTPScaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "HTTPScaler"},
		ObjectMeta: c.owned(c.key.Name),
		Spec:       c.spec,
	}
}
