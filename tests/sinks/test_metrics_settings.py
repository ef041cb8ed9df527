from imds_probe.sinks.metrics_settings import MetricsConfig


def test_a_dimension_has_one_value():
    assert MetricsConfig(dimensions=("ImageId",), static_dimensions={"Env": "prod"}).conflict() is None
    conflict = MetricsConfig(dimensions=("ImageId",), static_dimensions={"ImageId": "x"}).conflict()
    assert conflict == ("metrics.static_dimensions", "has ImageId, which metrics.dimensions has, too")
