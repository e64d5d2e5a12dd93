package backend

import (
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler"
)

// pageKind is a page by default, and the prefix of the entries of a ConfigMap that change it.
type pageKind struct {
	prefix string
	page   scaler.Page
}

var (
	waitingPage = pageKind{"coldStartWaitingPage", scaler.Page{
		Status: 503, Body: "The service is starting, please try again in a moment.\n", RetryAfter: 10,
	}}
	maintenancePage = pageKind{"maintenancePage", scaler.Page{
		Status: 503, Body: "The service is down for maintenance, please try again later.\n",
	}}
)

// pageOf reads a page. What its ConfigMap does not say, or says in a way that cannot be used,
// is as by default: the condition ResolvedRefs of the trigger tells of a missing ConfigMap.
func pageOf(v store.View, namespace string, ref v1alpha1.HTTPScalerPage, kind pageKind) *scaler.Page {
	page := kind.page
	if ref.ConfigMap != "" {
		if found := v.ConfigMap(types.NamespacedName{Namespace: namespace, Name: ref.ConfigMap}); found != nil {
			if body, ok := found.Data[kind.prefix+"Body"]; ok {
				page.Body = body
			}
			status, err := strconv.ParseUint(strings.TrimSpace(found.Data[kind.prefix+"StatusCode"]), 10, 16)
			if err == nil && status >= 200 && status <= 599 {
				page.Status = uint32(status)
			}
			if pause, ok := seconds(found.Data[kind.prefix+"RetryAfter"]); ok {
				page.RetryAfter = pause
			}
		}
	}
	page.ContentType = "text/plain; charset=utf-8"
	if strings.HasPrefix(strings.TrimSpace(page.Body), "<") {
		page.ContentType = "text/html; charset=utf-8"
	}
	return &page
}

// seconds reads "3" and "3s" alike (RFC 9110, Retry-After, wants the first).
func seconds(text string) (uint32, bool) {
	text = strings.TrimSpace(text)
	if number, err := strconv.ParseUint(text, 10, 31); err == nil {
		return uint32(number), true
	}
	pause, err := time.ParseDuration(text)
	if err != nil || pause < 0 {
		return 0, false
	}
	return uint32((pause + time.Second - 1) / time.Second), true
}
