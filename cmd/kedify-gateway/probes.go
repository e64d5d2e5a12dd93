package main

import (
	"fmt"
	"net/http"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
)

// probe answers kubelets: 200, or 500 with the reason. A process that starts is not ready for a while, and kubelets ask each second:
// that is no line of the log, unless it is asked for.
func probe(check healthz.Checker, log logr.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := check(r); err != nil {
			log.V(1).Info("A probe was answered with an error", "path", r.URL.Path, "reason", err.Error())
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, "ok")
	})
}
