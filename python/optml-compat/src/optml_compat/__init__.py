"""What the packages `sagemaker_training`, `sagemaker_containers` and `sagemaker_inference` of this distribution share.

They have the public names of the reference libraries and no logic of their own: what files and variables mean is said by
`optml`, jobs and servers are run by its binary, and what is only Python stands here, once for both generations. Nothing here
is a public interface.
"""
