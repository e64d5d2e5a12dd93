package main

import "strings"

// perSecond is how fast a counter grows, growth how much within a step of the graph.
func perSecond(counter, selector string) string {
	return "rate(" + counter + selector + "[$__rate_interval])"
}

func growth(counter, selector string) string {
	return "increase(" + counter + selector + "[$__rate_interval])"
}

// sum adds up over all labels but some.
func sum(by, expr string) string { return "sum by (" + by + ") (" + expr + ")" }

// quantile is one of a histogram, apart for each value of some labels.
func quantile(q, histogram, selector string, by ...string) string {
	labels := strings.Join(append([]string{"le"}, by...), ", ")
	return "histogram_quantile(" + q + ", " + sum(labels, perSecond(histogram+"_bucket", selector)) + ")"
}
