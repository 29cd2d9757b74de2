package kube

import (
	"net/http"

	"k8s.io/client-go/discovery"
	appsv1 "k8s.io/client-go/kubernetes/typed/apps/v1"
	authnv1 "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authzv1 "k8s.io/client-go/kubernetes/typed/authorization/v1"
	autoscalingv2 "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	storagev1 "k8s.io/client-go/kubernetes/typed/storage/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
)

// groups are the clients of the groups of the API that are used. The library's own set makes those of all groups, some sixty, and Hands are made for
// each command in a pod.
type groups struct {
	apps         *appsv1.AppsV1Client
	authn        *authnv1.AuthenticationV1Client
	authz        *authzv1.AuthorizationV1Client
	autoscaling  *autoscalingv2.AutoscalingV2Client
	coordination *coordinationv1.CoordinationV1Client
	core         *corev1.CoreV1Client
	storage      *storagev1.StorageV1Client
	discovery    *discovery.DiscoveryClient
}

// groupsOf makes them; they share one limit of requests in a second.
func groupsOf(config *rest.Config, h *http.Client) (*groups, error) {
	config = rest.CopyConfig(config)
	if config.RateLimiter == nil && config.QPS > 0 {
		config.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(config.QPS, config.Burst)
	}
	g, failed := &groups{}, error(nil)
	g.apps = made(appsv1.NewForConfigAndClient, config, h, &failed)
	g.authn = made(authnv1.NewForConfigAndClient, config, h, &failed)
	g.authz = made(authzv1.NewForConfigAndClient, config, h, &failed)
	g.autoscaling = made(autoscalingv2.NewForConfigAndClient, config, h, &failed)
	g.coordination = made(coordinationv1.NewForConfigAndClient, config, h, &failed)
	g.core = made(corev1.NewForConfigAndClient, config, h, &failed)
	g.storage = made(storagev1.NewForConfigAndClient, config, h, &failed)
	g.discovery = made(discovery.NewDiscoveryClientForConfigAndClient, config, h, &failed)
	return g, failed
}

// made is a client, and keeps the first failure.
func made[T any](make func(*rest.Config, *http.Client) (T, error), config *rest.Config, h *http.Client, failed *error) T {
	client, err := make(config, h)
	if *failed == nil {
		*failed = err
	}
	return client
}

func (g *groups) AppsV1() *appsv1.AppsV1Client                         { return g.apps }
func (g *groups) AuthenticationV1() *authnv1.AuthenticationV1Client    { return g.authn }
func (g *groups) AuthorizationV1() *authzv1.AuthorizationV1Client      { return g.authz }
func (g *groups) AutoscalingV2() *autoscalingv2.AutoscalingV2Client    { return g.autoscaling }
func (g *groups) CoordinationV1() *coordinationv1.CoordinationV1Client { return g.coordination }
func (g *groups) CoreV1() *corev1.CoreV1Client                         { return g.core }
func (g *groups) StorageV1() *storagev1.StorageV1Client                { return g.storage }
func (g *groups) Discovery() *discovery.DiscoveryClient                { return g.discovery }
