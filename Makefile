.PHONY: types
types:
	@mkdir -p build/types/somtom
	@for folder in marks pipelines schemas sources tracking transforms; do ln -sfn ../../../$$folder build/types/somtom/$$folder; done
