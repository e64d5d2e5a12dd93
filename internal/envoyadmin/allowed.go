package envoyadmin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/internal/redact"
)

// ErrRefused says that a question is not one that people may ask.
var ErrRefused = errors.New("not asked")

// question is a path of the admin interface, with the parameters that it may have.
type question struct {
	method     string
	parameters []string
}

// allowed reads, but for the levels of the log. What changes how Envoy serves (drain, runtime, health, quit) is not among it.
var allowed = map[string]question{
	"/certs":            {http.MethodGet, nil},
	"/clusters":         {http.MethodGet, []string{"format", "filter"}},
	"/config_dump":      {http.MethodGet, []string{"include_eds", "resource", "mask", "name_regex"}},
	"/listeners":        {http.MethodGet, []string{"format"}},
	"/logging":          {http.MethodPost, []string{"level", "paths"}},
	"/memory":           {http.MethodGet, nil},
	"/ready":            {http.MethodGet, nil},
	"/server_info":      {http.MethodGet, nil},
	"/stats":            {http.MethodGet, []string{"format", "filter", "usedonly", "type"}},
	"/stats/prometheus": {http.MethodGet, []string{"filter", "usedonly"}},
}

// levels of a log.
var levels = []string{"trace", "debug", "info", "warning", "error", "critical", "off"}

// Check returns an error, which is ErrRefused, for a question that people may not ask.
func Check(method, target string) error {
	parsed, err := url.ParseRequestURI(target)
	if err != nil || parsed.Host != "" || parsed.Scheme != "" {
		return fmt.Errorf("%w: %q is no path of Envoy's admin interface", ErrRefused, target)
	}
	known, found := allowed[parsed.Path]
	if !found || known.method != method || parsed.RawPath != "" {
		return fmt.Errorf("%w: %s %s is not among what is let through", ErrRefused, method, parsed.Path)
	}
	values, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return fmt.Errorf("%w: %q: %w", ErrRefused, target, err)
	}
	for name := range values {
		if !slices.Contains(known.parameters, name) {
			return fmt.Errorf("%w: %s has no parameter %q", ErrRefused, parsed.Path, name)
		}
	}
	if level := values.Get("level"); parsed.Path == "/logging" && level != "" && !slices.Contains(levels, level) {
		return fmt.Errorf("%w: level %q is none of %s", ErrRefused, level, strings.Join(levels, ", "))
	}
	return nil
}

// Shown asks what people may ask, and takes secrets out of the answer.
func (c *Client) Shown(ctx context.Context, method, target string) ([]byte, error) {
	if err := Check(method, target); err != nil {
		return nil, err
	}
	body, err := c.Ask(ctx, method, target)
	if err != nil {
		return nil, err
	}
	if json.Valid(body) {
		return redact.JSON(body)
	}
	return []byte(redact.Text(string(body))), nil
}
