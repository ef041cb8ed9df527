from imds_probe import exitcodes


def test_codes_are_distinct_and_never_steer_the_ssm_agent():
    codes = [value for name, value in vars(exitcodes).items() if name.isupper() and isinstance(value, int)]
    assert len(codes) == len(set(codes)) == 11
    assert not {168, 169, 194} & set(codes)
    assert list(exitcodes.MEANINGS) == sorted(codes)
