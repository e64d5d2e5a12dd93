package dump

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
)

const (
	// reader is the ServiceAccount of the tests, in the namespace of the installation, and its binding.
	reader    = "e2e-views"
	namespace = "kedify-system"
	// role of the chart, which opens the views.
	role = "kedify-gateway-views"
	// audience of tokens for the views.
	audience = "kedify-gateway"
)

// token opens the views of controllers. The first call makes it, as a user does for debugging.
var token = sync.OnceValues(func() (string, error) {
	rest, err := config.GetConfig()
	if err != nil {
		return "", err
	}
	clients, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := bind(ctx, clients); err != nil {
		return "", err
	}
	made, err := clients.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, reader, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}, ExpirationSeconds: ptr.To[int64](24 * 3600)},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("make a token for the views: %w", err)
	}
	return made.Status.Token, nil
})

// bind gives the ServiceAccount the role, and waits until the API server knows.
func bind(ctx context.Context, clients kubernetes.Interface) error {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: reader}}
	_, accountErr := clients.CoreV1().ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{})
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: reader},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: reader}},
	}
	_, bindingErr := clients.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	for _, err := range []error{accountErr, bindingErr} {
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	for {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:                  "system:serviceaccount:" + namespace + ":" + reader,
			NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: "/demand", Verb: "get"},
		}}
		answer, err := clients.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil || answer.Status.Allowed {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("the role of the views is not in force")
		case <-time.After(100 * time.Millisecond):
		}
	}
}
