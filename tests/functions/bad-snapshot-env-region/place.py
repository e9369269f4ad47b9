import os

REGION = os.environ["AWS_REGION"]
NAME = os.getenv("AWS_LAMBDA_FUNCTION_NAME")
