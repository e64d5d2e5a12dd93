package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
)

// review asks the API server whose token it is, and whether they may get the path.
func (g *Guard) review(ctx context.Context, token, path string) (int, error) {
	identity := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: audiences(token)}}
	if err := g.options.Client.Create(ctx, identity); err != nil {
		return 0, fmt.Errorf("review a token: %w", err)
	}
	if !identity.Status.Authenticated {
		return http.StatusUnauthorized, nil
	}
	if wanted := identity.Spec.Audiences; len(wanted) > 0 && !slices.Contains(identity.Status.Audiences, Audience) {
		return http.StatusUnauthorized, nil // an API server that does not know audiences says nothing about them
	}
	user := identity.Status.User
	permission := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extraOf(user),
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: path, Verb: "get"},
	}}
	if err := g.options.Client.Create(ctx, permission); err != nil {
		return 0, fmt.Errorf("review the permission of %s: %w", user.Username, err)
	}
	if !permission.Status.Allowed {
		return http.StatusForbidden, nil
	}
	return http.StatusOK, nil
}

func extraOf(user authenticationv1.UserInfo) map[string]authorizationv1.ExtraValue {
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for name, values := range user.Extra {
		extra[name] = authorizationv1.ExtraValue(values)
	}
	return extra
}

// audiences returns Audience for a token that says it is for it; nil has the API server check its own. What the
// token says is not trusted here: the API server verifies it.
func audiences(token string) []string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims struct {
		Audience any `json:"aud"` // a text or a list of them
	}
	if json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	switch said := claims.Audience.(type) {
	case string:
		if said == Audience {
			return []string{Audience}
		}
	case []any:
		if slices.Contains(said, any(Audience)) {
			return []string{Audience}
		}
	}
	return nil
}
