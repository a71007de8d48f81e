// Package scaletest gives tests what real nodes answered: the metadata of
// runtimes, and answers of their APIs, which stand in the test data of
// internal/scale. For tests only.
package scaletest
