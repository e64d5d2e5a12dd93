package trigger

import "github.com/kedify/inference-gateway/api/v1alpha1"

// healthCheck needs a path or, for probes that name an address as host, a prefix.
func (r *reader) healthCheck() v1alpha1.HTTPScalerHealthCheck {
	response := choice(r, keyHealthcheckResponse, "", v1alpha1.HealthPassthrough, v1alpha1.HealthStatic, v1alpha1.HealthPathEmbeddedHost)
	if response == v1alpha1.HealthPathEmbeddedHost {
		return r.embeddedHost()
	}
	if prefix := r.text(keyHealthcheckPathPrefix); prefix != "" && !r.refused(keyHealthcheckResponse) {
		r.refuse(keyHealthcheckPathPrefix, "healthcheckPathPrefix %s goes with healthcheckResponse %q only; set it, or use healthcheckPath",
			quote(prefix), v1alpha1.HealthPathEmbeddedHost)
	}
	if r.text(keyHealthcheckPath) == "" {
		if response != "" {
			r.refuse(keyHealthcheckPath, "healthcheckPath is missing; healthcheckResponse %q needs the path of the health check", response)
		}
		return v1alpha1.HTTPScalerHealthCheck{}
	}
	if response == "" {
		response = v1alpha1.HealthPassthrough
	}
	return v1alpha1.HTTPScalerHealthCheck{Path: r.path(keyHealthcheckPath), Response: response}
}

func (r *reader) embeddedHost() v1alpha1.HTTPScalerHealthCheck {
	r.ignore(keyHealthcheckPath, "with healthcheckResponse pathEmbeddedHost")
	written := r.text(keyHealthcheckPathPrefix)
	prefix := withoutSlash(r.path(keyHealthcheckPathPrefix))
	switch {
	case written == "":
		r.refuse(keyHealthcheckPathPrefix, "healthcheckPathPrefix is missing; healthcheckResponse %q needs it, like %q",
			v1alpha1.HealthPathEmbeddedHost, "/kedify-proxy/www.example.com")
	case prefix == rootPath:
		r.refuse(keyHealthcheckPathPrefix, "healthcheckPathPrefix %q would take every request of every host; use one like %q",
			rootPath, "/kedify-proxy/www.example.com")
	}
	return v1alpha1.HTTPScalerHealthCheck{Response: v1alpha1.HealthPathEmbeddedHost, PathPrefix: prefix}
}
